"""What is wanted of decisions, and whether the bench found it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.inference.truth.measures import CAUTIOUS, MATES, ORACLE, OURS, RATED, SOUND
from benchmarks.inference.truth.pooled import Pooled
from benchmarks.inference.truth.writers import CORRECTIONS, FILLS, WriteCounts

A_THIRD_SHARED, MOSTLY_SHARED = "albums 75 %, 30 % shared", "albums 75 %, 70 % shared"
COMPILATIONS = "compilations"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A number that should be at most, or at least, so much."""

    what: str
    number: float
    most: float = np.inf
    least: float = -np.inf
    note: str = ""

    def __str__(self) -> str:
        if np.isnan(self.number):
            return f"not measured: {self.what}"
        reached = self.least <= self.number <= self.most
        bar = f"at most {self.most:.3g}" if np.isfinite(self.most) else f"at least {self.least:g}"
        note = f"; {self.note}" if self.note else ""
        return f"target {'reached' if reached else 'MISSED'}: {self.what}: {self.number:.2f} ({bar}{note})"


def targets(pools: Sequence[Pooled]) -> Iterator[Target]:
    """All that can be told from these shapes."""
    yield from of_stated(pools)
    exact = [pool for pool in pools if pool.is_exact]
    for among in ("", MATES):
        for kind in (FILLS, CORRECTIONS):
            yield from of_oracle(exact, kind, among)
    yield from of_sound_alone(pools)
    yield from of_albums({pool.shape: pool for pool in pools})


def of_stated(pools: Sequence[Pooled]) -> Iterator[Target]:
    """Whether what is stated is true, in points."""
    for name, excess in (
        ("confidences", lambda pool: pool.stated_excess(RATED)),
        ("expected number of right writes", lambda pool: pool.expected_excess(RATED)),
    ):
        apart, worst = over(pools, lambda pool, excess=excess: 100 * abs(excess(pool)))
        yield Target(
            what=f"1. stated and true differ, rated, mean over shapes ({name}), points", number=apart, most=3
        )
        yield Target(
            what=f"1. the same in the worst shape ({name})",
            number=100 * abs(excess(worst)) if worst else float("nan"),
            most=6,
            note=worst.shape if worst else "",
        )
    for name, excess in (
        ("confidences", lambda pool: pool.stated_excess(CAUTIOUS)),
        ("expected number of right writes", lambda pool: pool.expected_excess(CAUTIOUS)),
    ):
        above, worst = over(pools, lambda pool, excess=excess: 100 * excess(pool))
        yield Target(
            what=f"1. stated above true, cautious, mean over shapes ({name}), points",
            number=above,
            most=3,
            note=f"most in {worst.shape}, {100 * excess(worst):.1f}" if worst else "",
        )


def of_oracle(pools: Sequence[Pooled], kind: str, among: str) -> Iterator[Target]:
    """Beside a writer who knows the true posterior; `among`: the artist's other songs are asked or not."""

    def kept(pool: Pooled) -> float:
        # Where there is next to nothing to write, nothing can be kept.
        right = pool.writes(RATED, f"{ORACLE}{among}", kind).right
        own = pool.writes(RATED, f"{OURS}{among}", kind).right
        return 100 * own / right if right >= pool.libraries else float("nan")

    mean, worst = over(pools, lambda pool: -kept(pool))
    yield Target(
        what=f"2. {kind}{among}, rated: right writes, % of those by the true posterior, mean over shapes",
        number=-mean,
        least=80,
        note=f"least in {worst.shape}, {kept(worst):.0f}" if worst else "",
    )
    ours, oracle = (
        summed(pool.writes(RATED, f"{writer}{among}", kind) for pool in pools) for writer in (OURS, ORACLE)
    )
    what = "right tags destroyed" if kind == CORRECTIONS else "wrong fills"
    yield Target(
        what=f"2. {kind}{among}, rated: {what}, times those by the true posterior, all shapes",
        number=harm(ours, kind) / harm(oracle, kind) if harm(oracle, kind) else float("nan"),
        most=1.3,
    )


def harm(counts: WriteCounts, kind: str) -> float:
    """Destroyed tags; fills destroy none, but may be wrong."""
    return counts.destroyed if kind == CORRECTIONS else counts.planned - counts.right


def of_sound_alone(pools: Sequence[Pooled]) -> Iterator[Target]:
    """Beside whoever asks the sound alone."""
    noisy = [pool for pool in pools if pool.has_wrong_tags]
    for kinds, what, among in (
        ((FILLS, CORRECTIONS), "all writes", ""),
        ((CORRECTIONS,), "corrections", ""),
        ((FILLS, CORRECTIONS), "all writes", MATES),
    ):
        gains = {pool.shape: gain(pool, kinds, among) for pool in noisy}
        worse = [f"{shape} {value:+.1f}" for shape, value in gains.items() if value <= 0]
        yield Target(
            what="2. shapes with wrong tags where right minus destroyed, rated, is no higher than sound's "
            f"({what}{among})",
            number=float(len(worse)) if noisy else float("nan"),
            most=0,
            note=", ".join(worse),
        )
    clean = [pool for pool in pools if not pool.has_wrong_tags]
    for reading in (CAUTIOUS, RATED):
        ours, sound = (
            summed(pool.writes(reading, writer, CORRECTIONS) for pool in clean) for writer in (OURS, SOUND)
        )
        yield Target(
            what=f"2. clean libraries, {reading}: destroyed tags by those of sound alone",
            number=ours.destroyed / sound.destroyed if sound.destroyed else float("nan"),
            most=1 / 3,
        )


def gain(pool: Pooled, kinds: Sequence[str], among: str = "") -> float:
    """Right writes minus destroyed tags, ours minus sound's, a library; `among`: the artist's other songs are asked."""
    ours, sound = (pool.writes(RATED, writer, *kinds) for writer in (f"{OURS}{among}", SOUND))
    return (ours.right - ours.destroyed - sound.right + sound.destroyed) / pool.libraries


def of_albums(pools: dict[str, Pooled]) -> Iterator[Target]:
    """What album and artist add."""
    for shape, least in ((A_THIRD_SHARED, 30), (MOSTLY_SHARED, 0)):
        if shape in pools:
            pool = pools[shape]
            yield Target(
                what=f"3. {shape}: errors fall by, %",
                number=100 * pool.errors_fall,
                least=least,
                note=f"they rise in {100 * pool.errors_rise:.0f} % of the libraries",
            )
            for name, excess in (
                ("confidences", pool.stated_excess(RATED)),
                ("expected number", pool.expected_excess(RATED)),
            ):
                yield Target(
                    what=f"3. {shape}: stated and true differ ({name}), points",
                    number=100 * abs(excess),
                    most=3,
                )
    if COMPILATIONS in pools:
        pool = pools[COMPILATIONS]
        cost = pool.mean(f"compilation errors artist, {RATED}") - pool.mean(
            f"compilation errors sound, {RATED}"
        )
        yield Target(
            what="3. songs of compilations: album and artist cost, points", number=100 * cost, most=1
        )


def over(pools: Iterable[Pooled], value: Callable[[Pooled], float]) -> tuple[float, Pooled | None]:
    """The mean over shapes that have it, and the shape of the highest."""
    values = [(each, pool) for pool in pools if not np.isnan(each := value(pool))]
    if not values:
        return float("nan"), None
    return float(np.mean([each for each, _ in values])), max(values, key=lambda pair: pair[0])[1]


def summed(counts: Iterable[WriteCounts]) -> WriteCounts:
    """Over shapes."""
    return sum(counts, WriteCounts())
