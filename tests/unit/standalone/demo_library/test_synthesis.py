"""The demo library's sound: pitches, chords, rhythms, and songs that are the same every time and not silent."""

import numpy as np
import pytest
from standalone.demo_library import GENRES
from standalone.demo_library.artists import artist
from standalone.demo_library.catalogue import Entry, catalogue
from standalone.demo_library.genres import NEIGHBOURS, recipes
from standalone.demo_library.harmony import KEYS, SCALES, progression, voicing
from standalone.demo_library.library import synthesize
from standalone.demo_library.melody import line
from standalone.demo_library.percussion import kits, strike
from standalone.demo_library.rhythm import LOUDNESS, grooves, onsets
from standalone.demo_library.timbres import Timbre, instruments, note

SAMPLE_RATE_HZ = 44100


def strongest_hz(y: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size)))
    return float(np.fft.rfftfreq(y.size, 1 / SAMPLE_RATE_HZ)[spectrum.argmax()])


def first_song(genre: str) -> Entry:
    return catalogue(seed=20, songs_per_genre=1, genres=[genre])[0]


@pytest.mark.parametrize(("name", "hz"), [("flute", 440.0), ("sub bass", 55.0), ("harp", 329.63)])
def test_a_note_has_the_pitch_asked_for(name: str, hz: float) -> None:
    (timbre,) = instruments()[name]
    y = note(timbre, hz=hz, seconds=1.0, sample_rate_hz=SAMPLE_RATE_HZ, rng=np.random.default_rng(1))
    # One bin of a second's spectrum, and what vibrato widens it by.
    assert strongest_hz(y) == pytest.approx(hz, abs=1 + hz * 0.01)


@pytest.mark.parametrize("name", sorted(instruments()))
def test_every_instrument_sounds_at_its_level_and_ends_in_silence(name: str) -> None:
    for timbre in instruments()[name]:
        y = note(timbre, hz=220.0, seconds=0.2, sample_rate_hz=SAMPLE_RATE_HZ, rng=np.random.default_rng(1))
        assert np.isfinite(y).all()
        assert np.abs(y).max() == pytest.approx(timbre.level, rel=0.01)
        assert abs(y[-1]) < 0.01


def test_no_partial_is_above_the_nyquist_frequency() -> None:
    bright = Timbre(slope=0.0, partials=64)
    y = note(bright, hz=2000.0, seconds=1.0, sample_rate_hz=SAMPLE_RATE_HZ, rng=np.random.default_rng(1))
    spectrum = np.abs(np.fft.rfft(y * np.hanning(y.size)))
    hz = np.fft.rfftfreq(y.size, 1 / SAMPLE_RATE_HZ)
    off_harmonics = np.abs((hz + 1000) % 2000 - 1000) > 100
    assert spectrum[off_harmonics].max() < 0.01 * spectrum.max()


@pytest.mark.parametrize("kit", sorted(kits()))
def test_every_stroke_of_a_kit_sounds_at_its_level(kit: str) -> None:
    for stroke in kits()[kit].values():
        y = strike(stroke, sample_rate_hz=SAMPLE_RATE_HZ, pitch=1.0, rng=np.random.default_rng(1))
        assert np.isfinite(y).all()
        assert np.abs(y).max() == pytest.approx(stroke.level, rel=0.01)


def test_a_progression_is_read_as_musicians_write_it() -> None:
    two, five, one, flat_seven = progression("ii9 V13 Imaj9 bVII")
    assert (two.root, two.intervals) == (2, (0, 3, 7, 10, 14))
    assert (five.root, one.root, flat_seven.root) == (7, 0, 10)
    assert two.minor
    assert not one.minor
    assert one.tone(7) == 11


def test_a_word_that_is_no_chord_is_refused() -> None:
    with pytest.raises(ValueError, match="'H7' is no chord"):
        progression("I H7")


def test_a_voicing_keeps_the_chord_s_notes_near_the_centre() -> None:
    (chord,) = progression("V7")
    pitches = voicing(chord, tonic=60, centre=60)
    assert {pitch % 12 for pitch in pitches} == {7, 11, 2, 5}
    assert all(abs(pitch - 60) <= 6 for pitch in pitches)


def test_a_hold_makes_a_note_longer_and_a_lane_repeats() -> None:
    found = [(onset.step, onset.steps, onset.letter) for onset in onsets("1--.5.", first_step=0, steps=12)]
    assert found == [(0, 3, "1"), (4, 1, "5"), (6, 3, "1"), (10, 1, "5")]


def test_swing_delays_every_second_step() -> None:
    groove = grooves()["study beat"]
    assert groove.swing > 0
    early, late, next_one = (groove.seconds(step, 120) for step in (0, 1, 2))
    assert late - early > next_one - late


@pytest.mark.parametrize("name", sorted(grooves()))
def test_every_groove_fills_whole_bars_with_known_letters_and_drums(name: str) -> None:
    groove = grooves()[name]
    for lane in (*groove.drums.values(), groove.bass, groove.comp):
        assert len(lane) % groove.steps == 0
    assert all(set(lane) <= {*LOUDNESS, "."} for lane in groove.drums.values())
    assert set(groove.bass) <= set("135678a-.")
    assert set(groove.comp) <= {*LOUDNESS, *"abcdef-."}
    assert set(groove.drums) <= set(kits()["acoustic"])


def test_a_riff_returns_and_speech_stays_near_one_pitch() -> None:
    rng = np.random.default_rng(3)
    riff = line("riff", bars=8, steps=16, density=0.5, scale=SCALES["minor"], rng=rng)
    assert riff[0] == riff[1] == riff[4]
    speech = line("speech", bars=8, steps=16, density=0.9, scale=SCALES["minor"], rng=rng)
    assert all(abs(tone.semitones) <= 3 for bar in speech for tone in bar)


def test_the_sixteen_recipes_name_only_what_exists() -> None:
    assert tuple(recipes()) == GENRES
    for recipe in recipes().values():
        assert set(recipe.grooves) <= set(grooves())
        assert set(recipe.kits) <= set(kits())
        assert set(recipe.scales) <= set(SCALES)
        assert set(recipe.keys) <= set(KEYS)
        assert {*recipe.bass, *recipe.comp, *recipe.pad, *recipe.lead} <= set(instruments())
        assert all(progression(chords) for chords in recipe.progressions)
    assert set(NEIGHBOURS) == set(GENRES)


def test_artists_of_a_genre_differ_and_stay_themselves() -> None:
    bands = [artist("Jazz", number, seed=20) for number in range(5)]
    assert bands[0] == artist("Jazz", 0, seed=20)
    assert len({band.mix for band in bands}) == 5
    assert len({band.tuning_cents for band in bands}) == 5


@pytest.mark.parametrize("genre", GENRES)
def test_a_song_of_every_genre_is_loud_and_free_of_faults(genre: str) -> None:
    entry = first_song(genre)
    y = synthesize(entry, seed=20)
    assert y.dtype == np.float32
    assert y.shape[0] == entry.channels
    assert 35 <= y.shape[1] / entry.sample_rate_hz <= 60
    assert np.isfinite(y).all()
    assert 0.1 < np.abs(y).max() <= 1.0
    assert -30 < 20 * np.log10(np.sqrt(np.mean(y**2))) < -8
    seconds = y[:, : y.shape[1] // entry.sample_rate_hz * entry.sample_rate_hz].reshape(
        entry.channels, -1, entry.sample_rate_hz
    )
    # No second of a song is silent but the last one, which fades.
    assert (seconds[:, :-1] ** 2).mean(axis=(0, 2)).min() > 1e-6


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    entry = first_song("Reggae")
    once = synthesize(entry, seed=20)
    assert once.tobytes() == synthesize(entry, seed=20).tobytes()
    assert once.tobytes() != synthesize(entry, seed=21).tobytes()
