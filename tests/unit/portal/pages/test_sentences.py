"""Sentences for terminals and pages alike: every command in one is marked, and has its page."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from portal.pages.sentences import ON_PAGES, grouped, on_page, on_page_as_text

ROOT = Path(__file__).parents[4]
# What only a terminal shows.
OF_TERMINALS = ("portal/commands/", "standalone/", "portal/__main__.py", "portal/command_line.py")
BARE = re.compile(r"(?<![`/\w.-])reclass (?!`)[a-z][a-z-]*")
MARKED = re.compile(r"`(reclass [^`]*)`")


def literals() -> Iterator[tuple[str, str]]:
    """Every text of the services that a page may come to show, f-strings with their gaps as …"""
    for path in sorted((ROOT / "services").glob("*/*/**/*.py")):
        name = str(path.relative_to(ROOT))
        if ".venv" in name or any(each in name for each in OF_TERMINALS) or name.endswith("sentences.py"):
            continue
        tree = ast.parse(path.read_text())
        yield from ((name, text) for text in _texts(tree))


def _texts(tree: ast.Module) -> Iterator[str]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    notes = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) and isinstance(node.body[0], ast.Expr)
    }
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes | inside
        ):
            yield node.value


def test_every_command_in_a_sentence_stands_between_backticks() -> None:
    bare = [(name, found) for name, text in literals() for found in BARE.findall(MARKED.sub("", text))]
    assert bare == []


def test_every_command_in_a_sentence_has_a_page_of_its_own() -> None:
    begins = tuple(begin for begin, _, _ in ON_PAGES)
    unknown = [
        (name, command)
        for name, text in literals()
        for command in MARKED.findall(text)
        if not command.startswith(begins)
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("There is no model: run `reclass train` first.", "There is no model: run Train first."),
        (
            "It is down. `reclass doctor` looks at every part.",
            "It is down. The dashboard looks at every part.",
        ),
        ("Do `reclass push --dry-run`, then `reclass push`.", "Do Dry run, then Apply."),
        ("See `reclass nonsense`.", "See a command on the server."),
    ],
)
def test_a_page_has_its_own_word_for_a_command(sentence: str, shown: str) -> None:
    assert on_page_as_text(sentence) == shown


def test_what_is_no_command_of_ours_stays_code_and_everything_is_escaped() -> None:
    assert on_page("`x < 1` <b>") == "<code>x &lt; 1</code> &lt;b&gt;"
    assert 'href="/admin/"' in on_page("`reclass sync`")


COUNT = re.compile(r"\{\{ [\w.]*(?:counts?\.\w+|_count|\.count|\.songs|total)(?:\|default:0)? \}\}")


def test_pages_write_large_numbers_as_sentences_do() -> None:
    assert (grouped(0), grouped(None), grouped(12_345)) == ("0", "0", "12,345")
    templates = ROOT / "services/portal/portal/templates"
    bare = {
        f"{path.name}: {found}"
        for path in templates.glob("[ap]*/*.html")  # those in place of the theme's are the theme's
        for found in COUNT.findall(path.read_text())
    }
    assert not bare
