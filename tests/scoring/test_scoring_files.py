import errno
import gzip
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_sctk import installed, sclite_sgml

from tdnnq_lab.scoring import CtmWord, ctm_words, read_ctm, read_trn, write_ctm, write_trn

word = st.text(min_size=1, max_size=6).filter(lambda w: not set(w) & set(" \t\n\r\v\f"))
identity = word.filter(lambda w: not set(w) & set("()") and not any(c.isspace() for c in w))
odd = {"s1-a": ["Straße", "東京", "a\u00a0b", "(eh)"], "s1-b": [], "s2-c": [";;", "x(y)", "<unk>", "'s"]}


@settings(deadline=None, max_examples=50)
@given(words=st.dictionaries(identity, st.lists(word, max_size=5), max_size=5), zipped=st.booleans())
def test_trn_comes_back(words, zipped, tmp_path_factory):
    path = tmp_path_factory.mktemp("trn") / ("x.trn.gz" if zipped else "x.trn")
    write_trn(path, words)
    assert read_trn(path) == words
    assert list(read_trn(path)) == list(words)
    assert os.listdir(path.parent) == [path.name]


def test_trn_looks_as_it_should(tmp_path):
    write_trn(tmp_path / "new folder" / "x.trn", odd)
    text = "Straße 東京 a\u00a0b (eh) (s1-a)\n(s1-b)\n ;; x(y) <unk> 's (s2-c)\n"
    assert (tmp_path / "new folder" / "x.trn").read_text(encoding="utf-8") == text


def test_trn_of_others(tmp_path):
    (tmp_path / "x.trn").write_bytes("\ufeff;; comment\r\n\r\nsi\tja  nå(u-1) \r\n (u-2)\r\n".encode())
    assert read_trn(tmp_path / "x.trn") == {"u-1": ["si", "ja", "nå"], "u-2": []}


@pytest.mark.skipif(not installed(), reason="sctk is not installed")
def test_sclite_reads_our_trn(tmp_path):
    words = odd | {"s1-a": ["Straße", "東京", "naïve"], "s1-c": ["x"]}
    write_trn(tmp_path / "ref.trn", words)
    write_trn(tmp_path / "hyp.trn", words)
    sgml = sclite_sgml(tmp_path / "ref.trn", tmp_path / "hyp.trn", tmp_path)
    for utterance in words.values():
        assert ":".join(f'C,"{w}","{w}"' for w in utterance) in sgml
    assert sgml.count("<PATH") == len(words)


def test_gzip_is_the_same_every_time(tmp_path):
    for name in ("one.trn.gz", "two.trn.gz"):
        write_trn(tmp_path / name, odd)
        os.utime(tmp_path / name, (1, 1))
    data = (tmp_path / "one.trn.gz").read_bytes()
    assert data == (tmp_path / "two.trn.gz").read_bytes()
    assert data[4:8] == bytes(4)  # no time
    write_trn(tmp_path / "plain.trn", odd)
    assert gzip.decompress(data) == (tmp_path / "plain.trn").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"u 1": ["a"]}, "utterance id 'u 1' is empty or holds a space or parenthesis"),
        ({"u(1)": ["a"]}, "space or parenthesis"),
        ({"": ["a"]}, "empty"),
        ({"u1": ["a", "b c"]}, r"utterance 'u1': 'b c' is empty or holds a space"),
        ({"u1": [""]}, "utterance 'u1': '' is empty"),
        ({"u1": ["a\n"]}, "line end"),
        ({"u1": "a b"}, "'u1' is one string"),
    ],
)
def test_trn_refuses_to_write(words, message, tmp_path):
    write_trn(tmp_path / "x.trn", {"old": ["kept"]})
    with pytest.raises(ValueError, match=message):
        write_trn(tmp_path / "x.trn", {"fine": ["ok"]} | words)
    assert read_trn(tmp_path / "x.trn") == {"old": ["kept"]}
    assert os.listdir(tmp_path) == ["x.trn"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a b (u1)\nc d\n", "line 2: no .utterance id. at the end"),
        (b"a (u1)\n\nb (u1)\n", "line 3: utterance 'u1' is there already"),
        (b"a (u1)\n\xff\xfe (u2)\n", "line 2: not UTF-8"),
    ],
)
def test_trn_refuses_to_read(data, message, tmp_path):
    path = tmp_path / "x.trn"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"x\.trn, {message}"):
        read_trn(path)


def test_damaged_gzip(tmp_path):
    path = tmp_path / "x.trn.gz"
    write_trn(path, odd)
    whole = path.read_bytes()
    for damaged in (whole[:20], b"plain text (u1)\n", whole[:15] + b"\0\0\0" + whole[18:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"x\.trn\.gz: damaged or truncated gzip"):
            read_trn(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.trn"):
        read_trn(tmp_path / "none.trn")


def test_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch):
    write_trn(tmp_path / "x.trn", {"old": ["kept"]})

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*x\.trn'"):
        write_trn(tmp_path / "x.trn", odd)
    assert read_trn(tmp_path / "x.trn") == {"old": ["kept"]}


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write: .*x\.trn"):
        write_trn(tmp_path / "file" / "x.trn", odd)


milliseconds = st.integers(0, 10**7).map(lambda n: n / 1000)
entry = st.builds(
    CtmWord,
    word.filter(lambda w: not w.startswith(";;") and "\ufeff" not in w),
    word,
    milliseconds,
    milliseconds,
    word,
    st.none() | st.integers(0, 10000).map(lambda n: n / 10000),
)


@settings(deadline=None, max_examples=50)
@given(entries=st.lists(entry, max_size=6), zipped=st.booleans())
def test_ctm_comes_back(entries, zipped, tmp_path_factory):
    path = tmp_path_factory.mktemp("ctm") / ("x.ctm.gz" if zipped else "x.ctm")
    write_ctm(path, entries)
    assert read_ctm(path) == sorted(entries, key=lambda e: (e.file, e.channel, e.start))


def test_ctm_of_calls(tmp_path):
    words = {"u2": ["so", "ja"], "u1": ["ach"], "u3": []}
    times = {"u2": [(0.03, 0.3), (0.33, 0.06)], "u1": [(0.5, 0.25)], "u3": []}
    where = {"u1": ("sw1", "A", 0.0), "u2": ("sw1", "A", 10.5), "u3": ("sw1", "B", 0.0)}
    write_ctm(tmp_path / "x.ctm", ctm_words(words, times, where=where))
    lines = ["sw1 A 0.500 0.250 ach", "sw1 A 10.530 0.300 so", "sw1 A 10.830 0.060 ja"]
    assert (tmp_path / "x.ctm").read_text().splitlines() == lines
    assert [(e.file, e.channel, e.start) for e in ctm_words(words, times)][:1] == [("u2", "1", 0.03)]
    with pytest.raises(ValueError, match="'u2' has 2 words but 1 times"):
        ctm_words(words, times | {"u2": [(0, 1)]})
    with pytest.raises(ValueError, match="'u3' is not in `where`"):
        ctm_words({"u3": []}, times, where={})


@pytest.mark.parametrize("line", ["u 1 0.0 0.1", "u 1 zero 0.1 a", "u 1 0 0.1 a sure"])
def test_ctm_refuses_to_read(line, tmp_path):
    path = tmp_path / "x.ctm"
    path.write_text(f";; comment\n{line}\n")
    with pytest.raises(ValueError, match=r"x\.ctm, line 2: not of the form"):
        read_ctm(path)


def test_ctm_of_others(tmp_path):
    """sclite's further columns (type, speaker), no confidence known, tabs."""
    (tmp_path / "x.ctm").write_text("u A 0.5 .25 ja NA lex bo\nu\tA 1 1 so 0.5\n")
    assert read_ctm(tmp_path / "x.ctm") == [CtmWord("u", "A", 0.5, 0.25, "ja"), CtmWord("u", "A", 1, 1, "so", 0.5)]


def test_ctm_refuses_to_write(tmp_path):
    with pytest.raises(ValueError, match="'a b' is empty or holds a space"):
        write_ctm(tmp_path / "x.ctm", [CtmWord("u", "1", 0, 1, "a b")])
    with pytest.raises(ValueError, match="read as a comment"):
        write_ctm(tmp_path / "x.ctm", [CtmWord(";;u", "1", 0, 1, "a")])
    assert not (tmp_path / "x.ctm").exists()
