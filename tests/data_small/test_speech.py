"""The shipped corpus as it lies in the folder, and the generator's pure functions."""

from __future__ import annotations

import csv
import hashlib
import re
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from data_small.generate import assemble, cast, check, conditions, synth

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data_small"
TRAIN, DEV, SEEN, UNSEEN, HARD = cast.SPLITS


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[dict[str, str]]]:
    out = {}
    for split in cast.SPLITS:
        with (DATA / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
            out[split] = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return out


def _minutes(rows: list[dict[str, str]]) -> float:
    return sum(float(row["end"]) - float(row["start"]) for row in rows) / 60


def _words(rows: list[dict[str, str]]) -> int:
    return sum(len(row["text"].split()) for row in rows)


# ---- the corpus ----


def test_utterances_are_unique_and_lists_sorted(corpus):
    names = [row["utterance"] for rows in corpus.values() for row in rows]
    assert len(names) == len(set(names)) > 2000
    for rows in corpus.values():
        assert [row["utterance"] for row in rows] == sorted(row["utterance"] for row in rows)
        assert list(rows[0]) == assemble.COLUMNS
        assert all(value and value == value.strip() for row in rows for value in row.values())


def test_sizes_are_as_promised(corpus):
    assert 60 <= _minutes(corpus[TRAIN]) <= 75
    assert 7.5 <= _minutes(corpus[DEV]) <= 10
    for split in (SEEN, UNSEEN, HARD):
        assert _words(corpus[split]) >= 3_100
        assert 15 <= _minutes(corpus[split]) <= 22
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) <= 25_000_000


def test_speakers_are_disjoint_as_promised(corpus):
    who = {split: {row["speaker"] for row in rows} for split, rows in corpus.items()}
    voices = {split: {voice for name in names for voice in name.split("+")} for split, names in who.items()}
    assert len(who[TRAIN]) >= 60
    assert who[SEEN] < who[TRAIN]
    assert who[UNSEEN] == who[HARD]
    assert len(who[UNSEEN]) >= 16
    assert not voices[UNSEEN] & (voices[TRAIN] | voices[DEV])
    assert len(who[DEV] - who[TRAIN]) >= len(who[DEV]) / 2
    assert not {v for name in who[DEV] - who[TRAIN] for v in name.split("+")} & voices[TRAIN]
    unseen = [row for row in corpus[DEV] if row["speaker"] not in who[TRAIN]]
    assert 0.4 <= _minutes(unseen) / _minutes(corpus[DEV]) <= 0.6


def test_accents_of_unseen_are_absent_from_train_and_dev(corpus):
    accents = {split: {a for row in rows for a in row["accent"].split("+")} for split, rows in corpus.items()}
    assert len(accents[UNSEEN]) >= 4
    assert not (accents[UNSEEN] | accents[HARD]) & (accents[TRAIN] | accents[DEV] | accents[SEEN])


def test_times_lie_inside_files_and_do_not_overlap(corpus):
    sides: dict[str, list[dict[str, str]]] = {}
    for rows in corpus.values():
        for row in rows:
            sides.setdefault(row["file"], []).append(row)
    stored = {path.relative_to(DATA).as_posix() for path in DATA.glob("audio/*/*.opus")}
    assert stored == set(sides)
    for file, rows in sides.items():
        info = soundfile.info(DATA / file)
        assert (info.samplerate, info.channels) == (8_000, 1)
        end = 0.0
        for row in sorted(rows, key=lambda row: float(row["start"])):
            assert end < float(row["start"]) < float(row["end"]) <= info.duration
            end = float(row["end"])


def test_sides_of_a_call_interleave(corpus):
    calls: dict[str, list[dict[str, str]]] = {}
    for rows in corpus.values():
        for row in rows:
            calls.setdefault(row["call"], []).append(row)
    for rows in calls.values():
        rows.sort(key=lambda row: float(row["call_start"]))
        spans = [(float(r["call_start"]), float(r["end"]) - float(r["start"]), r["side"]) for r in rows]
        for (start, seconds, side), (after, _, other) in pairwise(spans):
            assert after >= start + seconds - (0.0 if side == other else 0.5)
            assert after <= start + seconds + 2.0
        assert len({row["speaker"] for row in rows}) == 2
        changes = sum(a[2] != b[2] for a, b in pairwise(spans))
        assert changes > len(rows) / 2


def test_every_word_has_a_pronunciation(corpus):
    known = {line.split()[0] for line in (DATA / "lexicon.txt").read_text("utf-8").splitlines() if line}
    assert {word for rows in corpus.values() for row in rows for word in row["text"].split()} <= known


def test_long_sentences_are_not_shared_between_sets(corpus):
    long = {s: {r["text"] for r in rows if len(r["text"].split()) >= 12} for s, rows in corpus.items()}
    for split in (DEV, SEEN, UNSEEN, HARD):
        assert len(long[split] & long[TRAIN]) <= 0.03 * len(long[split])


def test_noise_is_within_each_sets_range(corpus):
    for split, rows in corpus.items():
        recipe = conditions.RECIPES[split]
        snrs = [float(re.search(r"snr=([\d.]+|inf)", row["conditions"])[1]) for row in rows]
        noisy = [snr for snr in snrs if np.isfinite(snr)]
        assert recipe.snr[0] - 0.05 <= min(noisy) <= max(noisy) <= recipe.snr[1] + 0.05
        assert abs(1 - len(noisy) / len(snrs) - recipe.clean) < 0.15
    assert len({row["conditions"].split(";")[2] for row in corpus[HARD]}) == 3


def test_decoded_samples_have_the_listed_hashes():
    lines = (DATA / "pcm.sha256").read_text("utf-8").splitlines()
    assert len(lines) == len(list(DATA.glob("audio/*/*.opus")))
    for line in lines[:: len(lines) // 5]:
        digest, file = line.split()
        assert assemble.pcm_sha256(DATA / file) == digest


def test_sound_is_there_where_the_lists_say(corpus):
    for split in cast.SPLITS:
        file = corpus[split][0]["file"]
        samples, rate = soundfile.read(DATA / file, dtype="float32")
        for row in (row for row in corpus[split] if row["file"] == file):
            turn = samples[int(float(row["start"]) * rate) : int(float(row["end"]) * rate)]
            assert -36 < 10 * np.log10(np.mean(np.square(turn))) < -14
            assert np.abs(turn).max() <= 1.0


def test_card_agrees_with_the_lists(corpus):
    from data_small.generate import card

    text = (DATA / "README.md").read_text("utf-8")
    for block in (card.contents(), card.accents(), card.seeds(), card.recipes(), card.lines_of_sets(), card.check()):
        assert block in text, "the card is old: python -m data_small.generate.card"


# ---- pure functions ----


def test_arpabet_to_symbols():
    assert synth.symbols(["HH", "AH0", "L", "OW1"]) == "həlˈO"
    assert synth.symbols(["B", "ER1", "D"]) == "bˈɜɹd"
    assert synth.symbols(["M", "AH1", "DH", "ER0"]) == "mˈʌðəɹ"
    assert synth.symbols(["AE1", "N", "D"], stressed=False) == "ænd"
    assert synth.symbols(["JH", "AH1", "JH"]) == "ʤˈʌʤ"
    with pytest.raises(ValueError, match="QQ is not an ARPAbet phone"):
        synth.symbols(["QQ"])


def test_every_arpabet_phone_has_its_own_symbol():
    assert len(synth.IPA) == 39
    assert len(set(synth.IPA.values())) == 39


def test_transcribe_keeps_punctuation_and_leaves_function_words_unstressed():
    lexicon = {"WELL": [["W", "EH1", "L"]], "IS": [["IH1", "Z"]], "IT": [["IH1", "T"]], "GO": [["G", "OW1"]]}
    assert synth.transcribe("WELL, IS IT?", lexicon, "x") == "wˈɛl, ɪz ɪt?"
    assert synth.transcribe("Go — go.", lexicon, "x") == "ɡˈO— ɡˈO."
    with pytest.raises(ValueError, match="NOPE is not in the lexicon"):
        synth.transcribe("NOPE", lexicon, "x")


def test_variants_are_a_habit_of_the_speaker():
    lexicon = {"EITHER": [["IY1", "DH", "ER0"], ["AY1", "DH", "ER0"]]}
    said = {s: synth.transcribe("EITHER EITHER", lexicon, s).split() for s in map(str, range(20))}
    assert all(one == two for one, two in said.values())
    assert len({one for one, _ in said.values()}) == 2


def test_lexicon_line_without_phones_is_named(tmp_path):
    path = tmp_path / "lexicon"
    path.write_text("A AH0\nB\n")
    with pytest.raises(ValueError, match="line 2: B has no phones"):
        synth.read_lexicon(path)


def test_job_key_depends_on_all_that_is_heard():
    job = synth.Job("a", (("x", 0.5), ("y", 0.5)), 1.0)
    others = [synth.Job("b", job.voices, 1.0), synth.Job("a", (("x", 1.0),), 1.0), synth.Job("a", job.voices, 1.1)]
    assert job.key == synth.Job("a", (("x", 0.5), ("y", 0.5)), 1.0).key
    assert len({job.key, *(other.key for other in others)}) == 4


def test_trim_keeps_a_margin_and_refuses_silence():
    tone = np.sin(np.arange(24_000) * 0.1).astype(np.float32)
    out = synth.trim(np.concatenate([np.zeros(12_000, np.float32), tone, np.zeros(30_000, np.float32)]))
    assert len(out) == pytest.approx(24_000 + 2 * synth.MARGIN * 24_000, abs=500)
    with pytest.raises(ValueError, match="silence"):
        synth.trim(np.zeros(24_000, np.float32))


@settings(deadline=None, max_examples=30)
@given(st.floats(-5, 40), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_mixing_sets_the_snr(snr, scale, seed):
    random = np.random.default_rng(seed)
    speech, noise = random.standard_normal(8_000), scale * random.standard_normal(8_000)
    added = conditions.mix(speech, noise, snr) - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.2)


def test_mixing_refuses_silence_and_lengths():
    with pytest.raises(ValueError, match="all zeros"):
        conditions.mix(np.ones(5), np.zeros(5), 10)
    with pytest.raises(ValueError, match="differ in length"):
        conditions.mix(np.ones(5), np.ones(6), 10)


@pytest.mark.parametrize("kind", sorted(conditions.NOISES))
def test_noise_kinds(kind):
    others = [np.random.default_rng(i).standard_normal(3_000) for i in range(3)]
    one, two, three = (conditions.NOISES[kind](8_000, np.random.default_rng(seed), others) for seed in (1, 1, 2))
    assert one.shape == (8_000,)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)
    assert np.std(conditions.band(one)) > 0


def test_coloured_noise_slopes():
    def slope(noise: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(noise)) ** 2
        frequency = np.fft.rfftfreq(len(noise), 1 / conditions.RATE)
        keep = (frequency > 100) & (frequency < 3_000)
        return float(np.polyfit(np.log10(frequency[keep]), np.log10(power[keep]), 1)[0])

    assert slope(conditions.pink(80_000, np.random.default_rng(0))) == pytest.approx(-1, abs=0.1)
    assert slope(conditions.brown(80_000, np.random.default_rng(0))) == pytest.approx(-2, abs=0.1)


def test_babble_comes_from_others_only():
    plan = cast.calls()
    for call in plan:
        turns = [
            cast.Utterance(other.name, side, 0, speaker, "", "", synth.Job("a", speaker.voices, 1.0))
            for other in plan
            if other.split == call.split
            for side, speaker in zip("AB", other.sides, strict=True)
        ]
        present = {voice for speaker in call.sides for voice, _ in speaker.voices}
        crowd = assemble.babblers(turns, call.sides, call.name)
        assert crowd
        assert not present & {voice for turn in crowd for voice, _ in turn.speaker.voices}
    with pytest.raises(ValueError, match="no other speakers"):
        assemble.babblers([], plan[0].sides, "x")


def test_draw_is_seeded_and_keeps_to_the_recipe():
    def drawn(split: str, sides: int) -> list[conditions.Conditions]:
        rows = conditions.latin(split, sides)
        return [conditions.draw(split, "s", f"c{i}-A", 3, row) for i, row in enumerate(rows)]

    hard = drawn(HARD, 200)
    assert hard == drawn(HARD, 200)
    low, high = conditions.HARD.snr
    assert all(low <= one.snr <= high for one in hard)
    for kind, share in conditions.HARD.noises.items():
        assert np.mean([one.noise == kind for one in hard]) == pytest.approx(share, abs=0.011)
    clean = np.mean([one.noise == "none" for one in drawn(TRAIN, 64)])
    assert clean == pytest.approx(conditions.RECIPES[TRAIN].clean, abs=1 / 64)
    assert {one.noise == "none" for one in drawn(DEV, 8)} == {True, False}


@pytest.mark.parametrize("codec", ["gsm", "opus", "mulaw"])
def test_codecs_keep_length_and_shape(codec):
    times = np.arange(12_345) / conditions.RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * times) * (1 + np.sin(2 * np.pi * 3 * times)) / 2
    coded = conditions.mulaw(conditions.code(tone, codec))
    assert coded.shape == tone.shape
    shifts = [np.dot(tone[400:-400], coded[400 + lag : len(coded) - 400 + lag]) for lag in range(-80, 81)]
    assert abs(int(np.argmax(shifts)) - 80) <= 18  # less than one period: no frame of delay
    assert max(shifts) / np.dot(tone, tone) > 0.6
    with pytest.raises(ValueError, match="mp3 is not a codec"):
        conditions.code(tone, "mp3")


def test_mulaw_is_that_of_g711_to_a_code():
    x = np.linspace(-1, 1, 2_001)
    assert np.abs(conditions.mulaw(x) - x).max() < 0.025  # the widest step is near full scale
    small = np.linspace(-0.001, 0.001, 101)
    assert np.abs(conditions.mulaw(small) - small).max() < 1e-4
    assert len(np.unique(conditions.mulaw(x))) <= 255


def test_apply_keeps_length_level_and_seed():
    random = np.random.default_rng(0)
    speech = random.standard_normal(16_000) * np.sin(np.arange(16_000) / 500)
    one = conditions.Conditions(12.0, "pink", 0.2, 6.0, "gsm", 1.0, -25.0)
    out = conditions.apply(speech, one, np.random.default_rng(1), [])
    assert out.shape == speech.shape
    assert out.dtype == np.float32
    assert 10 * np.log10(np.mean(out**2)) == pytest.approx(-25, abs=2)
    assert np.array_equal(out, conditions.apply(speech, one, np.random.default_rng(1), []))


def test_timeline_has_pauses_and_no_overlap_within_a_side():
    speaker = cast.Speaker((("am_adam", 1.0),))
    sides = "ABABBAABAB" * 5
    turns = [
        cast.Utterance("c", s, i, speaker, "", "", synth.Job("a", speaker.voices, 1.0)) for i, s in enumerate(sides)
    ]
    seconds = {turn.name: 1.0 + i % 3 for i, turn in enumerate(turns)}
    starts = assemble.timeline(turns, seconds)
    for one, two in pairwise(turns):
        pause = starts[two.name] - starts[one.name] - seconds[one.name]
        assert (0.0 if one.side == two.side else assemble.PAUSE[2]) - 0.01 <= pause <= assemble.PAUSE[3] + 0.01


def test_stored_ogg_is_the_same_each_time_and_valid(tmp_path):
    samples = 0.1 * np.random.default_rng(0).standard_normal(20_000)
    for name in ("a.opus", "b.opus"):
        assemble.store(tmp_path / name, samples)
    assert (tmp_path / "a.opus").read_bytes() == (tmp_path / "b.opus").read_bytes()
    decoded, rate = soundfile.read(tmp_path / "a.opus")
    assert (len(decoded), rate) == (20_000, 8_000)
    with pytest.raises(ValueError, match="no Ogg page at byte 0"):
        assemble.fixed_serial(b"not ogg at all, but long enough")


def test_ogg_checksum_agrees_with_libsndfiles(tmp_path):
    soundfile.write(tmp_path / "a.ogg", np.zeros(8_000), 8_000, format="OGG", subtype="OPUS")
    page = bytearray((tmp_path / "a.ogg").read_bytes())
    page = page[: 27 + page[26] + sum(page[27 : 27 + page[26]])]
    stored = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert assemble.ogg_crc(bytes(page)) == stored != zlib.crc32(page)


def test_edits_against_small_cases():
    assert check.edits(["A", "B", "C"], ["A", "X", "C", "D"]) == 2
    assert check.edits([], ["A"]) == 1
    assert check.edits(["A", "B"], ["A", "B"]) == 0
    assert check.normalise("it's <sil> two(2) [NOISE] uh") == ["ITS", "TWO"]


def test_speakers_are_distinct_and_within_gender():
    people = cast.speakers(cast.TRAIN_VOICES, cast.TRAIN_SPEAKERS, "train")
    assert len({one.name for one in people}) == cast.TRAIN_SPEAKERS
    assert all(len({voice[1] for voice, _ in one.voices}) == 1 for one in people)
    with pytest.raises(ValueError, match="speakers, not 9"):
        cast.speakers(["am_a", "am_b"], 9, "x")


def test_pcm_hash_is_of_sixteen_bit_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0, 1, -2], np.int16), 8_000)
    expected = hashlib.sha256(np.array([0, 1, -2], "<i2").tobytes()).hexdigest()
    assert assemble.pcm_sha256(tmp_path / "a.wav") == expected
