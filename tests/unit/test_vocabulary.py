"""One vocabulary: names and pages say the field's word, and none of those that once stood in its place.

A word is looked for among the words of a name: `hear` is in `hear_all` and `HearError`, and not in `heart`. One with a
capital is a whole name. Where a word is good English besides, its entry says where it is not wanted.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THIS = Path(__file__).relative_to(ROOT)
FOLDERS = ("benchmarks", "clients", "examples", "protos/reclass", "scripts", "services", "tests")
# Made by Django.
LEFT_OUT = "migrations"
PAGES = "services/portal"

INFERENCE = (
    "services/inference",
    "tests/unit/inference",
    "tests/integration/inference",
    "benchmarks/inference",
    "protos/reclass/inference",
)
PORTAL = ("services/portal", "tests/unit/portal", "tests/integration/portal", "benchmarks/portal")
LEARNING = "services/inference/inference/training"
TRAINING = ("services/inference", "protos/reclass/inference")
FITTING = (*TRAINING, "benchmarks/inference")
MERT = ("services/triton", "tests/unit/triton", "tests/integration/triton")
FEATURES = (
    "services/features",
    "tests/unit/features",
    "tests/integration/features",
    "protos/reclass/features",
)


@dataclass(frozen=True, kw_only=True)
class Forbidden:
    """A word that names are not made of."""

    word: str
    instead: str
    """What the field says."""
    where: tuple[str, ...]
    """Folders in which it is not wanted."""
    defined: bool
    """Not as a name of a module, class, function or field; for a value on the way it is good English."""


def forbidden(
    words: str, instead: str, where: tuple[str, ...] = FOLDERS, *, defined: bool = False
) -> list[Forbidden]:
    """An entry for each of the words."""
    return [Forbidden(word=word, instead=instead, where=where, defined=defined) for word in words.split()]


WORDS = [
    *forbidden("hear hears heard hearing unheard ears", "extract, ExtractionRun, ExtractionResult"),
    *forbidden(
        "Listener Listening listener", "FeaturesClient, Embedding", (*FEATURES, *MERT, *INFERENCE, *PORTAL)
    ),
    *forbidden("heard_out_of_fold", "oof_predictions"),
    # A person judges songs; a model scores them.
    *forbidden("judging opinion opinions", "score, Predictions, StagePredictions"),
    *forbidden("rival rivals comparing", "champion and challenger, comparison"),
    *forbidden(
        "strange stranger strangers",
        "out_of_distribution, is_ood",
        (*INFERENCE, "clients", "services/portal"),
    ),
    *forbidden("unsure_beyond unsure_share", "ood_threshold, ood_rate"),
    *forbidden("outcome_unsure", "OUTCOME_OUT_OF_DISTRIBUTION"),
    *forbidden("unsure", "out_of_distribution, is_ood; a low confidence", PORTAL),
    *forbidden("doubt doubts chances scepticism", "label_noise_rate, noise_prior, prior_strength"),
    *forbidden("suspects label_suspect", "suspected_label_errors"),
    *forbidden("wrong", "dropped_labels", (LEARNING,)),
    *forbidden("shares", "soft_targets", (LEARNING,)),
    *forbidden("Part", "Dataset", FITTING),
    *forbidden("named", "multi_hot", FITTING, defined=True),
    *forbidden("choosing Tried Chosen", "model_selection, Candidate, Selection", FITTING),
    *forbidden("tried chosen", "candidates, selected", FITTING, defined=True),
    *forbidden("look_once looked_at hear_all", "evaluate_test, mark_ood, predict_oof", INFERENCE),
    *forbidden("conclude concluded", "summarise_oof, summarise"),
    *forbidden(
        "cases Case Cases Sitting Places Room",
        "ClassifyRequest, PendingClassification, StreamSession, AdmissionLimits, BackpressureWindow",
        ("services/inference", "services/features", "services/runtime"),
    ),
    *forbidden("makes", "feature_versions", ("services/inference", "services/features", "services/portal")),
    *forbidden("wish wishes", "request settings, LoadOptions; for Plex: TargetGenres"),
    *forbidden("claim claims lesson lessons", "label, teaching result", (*PORTAL, *INFERENCE)),
    *forbidden("offer offers", "suggestions", ("services/inference", "services/portal")),
    *forbidden("learnable", "training readiness"),
    *forbidden(
        "shown beside ahead plain standing recognising",
        "annotations, flags, prefetch, to_dict, plex_state, reidentify",
        ("services/portal", "clients"),
        defined=True,
    ),
    *forbidden("lay_out laid_out abandon abandoned", "select_songs (`plan` is the dry run), cancel", PORTAL),
    *forbidden("also", "additional_genres", ("services", "clients", "protos/reclass"), defined=True),
    *forbidden("later_share TriedHead", "escalation_rate, CandidateHead"),
    *forbidden("InvalidRequest request_invalid", "InvalidRequestError, INVALID_REQUEST"),
    *forbidden("conversion converters", "messages", defined=True),
    *forbidden("fake fakes dummy mock mocks", "stand-in"),
]
# Expressions, in the sentences of pages.
PHRASES = {
    "Whose word": "Source",
    "Your word on it": "Correct the genre",
    "AI is sure": "Confidence",
    "says the AI": "Predicted songs",
    "Beside that": "Flags",
    "By itself": "Automation",
    "Right on unheard artists": "Held-out-artist accuracy",
    "^Listening$": "Audio analysis",
    "^Deciding$": "Classification",
    "hear": "extract features from",
    "hears": "extracts features from",
    "heard": "analysed",
    "listened to": "analysed",
    "unsure": "Unfamiliar; a low confidence",
    "(of|the) (another|this|its|the) make": "of another feature version",
    "hangs? on": "is used by",
    "On it hang": "It is used by",
    "heed": "use",
    "heeded": "used",
    "gave a sign": "has reported",
    "(is|are) at it": "is in progress",
    "not taken": "not accepted",
    "[Ll]east confidence": "minimum confidence",
    "not the right to": "may not",
    "word stands": "genre counts",
    "thrown away": "deleted",
}


@dataclass(frozen=True, kw_only=True)
class Use:
    """A name where it stands."""

    path: str
    name: str
    defined: bool
    """It names a module, a class, a function or a field, of a message too."""


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, however it joins them: `HearError`, `hear_error` and `HEAR_ERROR` have the same two."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


def is_in(word: str, name: str) -> bool:
    """Whether the word, or words in this order, are among those of the name."""
    if word != word.lower():
        return word == name
    wanted, there = words_of(word), words_of(name)
    return wanted[0] in there and any(there[i : i + len(wanted)] == wanted for i in range(len(there)))


def python_files() -> Iterator[tuple[str, str]]:
    """Path and text of each module, and of each script that is one."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            relative = path.relative_to(ROOT)
            if not path.is_file() or LEFT_OUT in relative.parts or "node_modules" in relative.parts:
                continue
            if path.suffix == ".py" or (not path.suffix and _is_script(path)):
                yield str(relative), path.read_text()


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return re.match(rb"#!.*python", file.readline()) is not None


def names_in(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Every name in a module, and whether it is defined there for others to use."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, True
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name, False
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield name, False
            case ast.Constant(value=str(text)) if text.isidentifier():  # a key, a state, a reason
                yield text, False
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from ((name, True) for name in _assigned(node.body))


def _assigned(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Constants of a module, fields of a class."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


@cache
def uses() -> frozenset[Use]:
    """Every name in code and protos."""
    found = set()
    for path, text in python_files():
        if path == str(THIS):
            continue
        found |= {Use(path=path, name=part.removesuffix(".py"), defined=True) for part in path.split("/")[1:]}
        found |= {Use(path=path, name=name, defined=defined) for name, defined in names_in(ast.parse(text))}
    for proto in sorted((ROOT / "protos" / "reclass").rglob("*.proto")):
        path = str(proto.relative_to(ROOT))
        found |= {Use(path=path, name=name, defined=True) for name in names_of_proto(proto.read_text())}
    return frozenset(found)


@cache
def uses_by_word() -> dict[str, list[Use]]:
    """The same by each word of the name."""
    found: dict[str, list[Use]] = {}
    for use in uses():
        for word in set(words_of(use.name)):
            found.setdefault(word, []).append(use)
    return found


def uses_of(word: str) -> list[Use]:
    """Every name that has this word."""
    return uses_by_word().get(word, [])


def names_of_proto(text: str) -> set[str]:
    """Names that a proto defines, and reasons of errors in its comments."""
    code = re.sub(r"//.*|\"[^\"]*\"", "", text)
    return set(re.findall(r"[A-Za-z_]\w*", code)) | set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text))


def stands(entry: Forbidden) -> list[str]:
    """Where the word stands though it is not wanted."""
    return sorted(
        {
            f"{use.path}: {use.name}"
            for use in uses_of(words_of(entry.word)[0])
            if use.path.startswith(entry.where)
            and (use.defined or not entry.defined)
            and is_in(entry.word, use.name)
        }
    )


class _Texts(HTMLParser):
    """What a template says, without tags and what Django does with it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@cache
def page_texts() -> tuple[tuple[str, str], ...]:
    """Sentences of pages, each with its file: texts of templates and strings of the portal that are no docstrings."""
    found = []
    for path, text in python_files():
        if path.startswith(PAGES):
            found += [(path, said) for said in _strings(ast.parse(text))]
    for template in sorted((ROOT / PAGES).rglob("*.html")):
        parser = _Texts()
        parser.feed(re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", " ", template.read_text(), flags=re.DOTALL))
        found += [(str(template.relative_to(ROOT)), said) for said in parser.texts]
    return tuple(found)


def _strings(tree: ast.AST) -> Iterator[str]:
    documented = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings, of fields too
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


def said(phrase: str) -> list[str]:
    """Where a page says it."""
    return sorted(
        {f"{path}: {text.strip()}" for path, text in page_texts() if re.search(rf"\b{phrase}\b", text)}
    )


@pytest.mark.parametrize("entry", WORDS, ids=lambda entry: entry.word)
def test_a_word_that_the_field_has_another_for_is_in_no_name(entry: Forbidden) -> None:
    assert not stands(entry), f"say {entry.instead}"


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_that_nobody_would_expect_is_on_no_page(phrase: str) -> None:
    assert not said(phrase), f"say {PHRASES[phrase]!r}"


@pytest.mark.parametrize(
    ("word", "name", "found"),
    [
        ("hear", "HearError", True),
        ("hear", "hear_all", True),
        ("hear", "heartbeat", False),
        ("hear", "sheared", False),
        ("out_of_fold", "heard_out_of_fold", True),
        ("out_of_fold", "OUT_OF_FOLD", True),
        ("out_of_fold", "fold_out_of", False),
        ("Part", "Part", True),
        ("Part", "part", False),
        ("Part", "PartFailedError", False),
    ],
)
def test_a_word_is_found_among_the_words_of_a_name(word: str, name: str, found: bool) -> None:
    assert is_in(word, name) is found


CODE = '''"""Also said."""

class Heard:
    """It lies beside."""
    also: int

def hear(rival, rows):
    """Hear it."""
    rows["hears"] = opinion(doubt=rival.shown)
    return "no name at all"
'''


def test_names_are_those_of_code_and_not_its_texts() -> None:
    found = set(names_in(ast.parse(CODE)))
    assert {name for name, defined in found if defined} == {"Heard", "also", "hear"}
    assert {name for name, defined in found if not defined} == {
        *("also", "int", "rival", "rows", "hears", "opinion", "doubt", "shown")
    }


def test_sentences_of_pages_are_strings_without_docstrings() -> None:
    assert set(_strings(ast.parse(CODE))) == {"hears", "no name at all"}
