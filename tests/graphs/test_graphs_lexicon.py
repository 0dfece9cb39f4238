import pytest

from tdnnq_lab.graphs import Lexicon, Topology


def read(tmp_path, text, name="lexicon.txt", **options):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Lexicon.from_file(path, **options)


def test_plain_form(tmp_path):
    lexicon = read(tmp_path, "\ufeffTHE DH AH\r\nTHE\tDH  IY\n\nnaïve n ɑ ˈiːv\nно\u00a0да 1 ʔ\n")
    assert lexicon.pronunciations["THE"] == [(1.0, ("DH", "AH")), (1.0, ("DH", "IY"))]
    assert lexicon.pronunciations["но\u00a0да"] == [(1.0, ("1", "ʔ"))]  # a no-break space belongs to the word
    assert lexicon.phones == ["SIL", *sorted(["DH", "AH", "IY", "n", "ɑ", "ˈiːv", "1", "ʔ"])]
    assert lexicon.missing(["b", "THE", "a", "b"]) == ["b", "a"]
    with pytest.raises(ValueError, match="'zz' is not in the lexicon"):
        lexicon.variants("zz")


def test_probabilities_by_name_by_look_and_by_option(tmp_path):
    text = "A 0.25 x\nA 1.0 y z\n"
    want = {"A": [(0.25, ("x",)), (1.0, ("y", "z"))]}
    assert read(tmp_path, text).pronunciations == want
    assert read(tmp_path, text, "lexiconp.txt").pronunciations == want
    assert read(tmp_path, "A 1 x\n", "lexiconp.txt").pronunciations == {"A": [(1.0, ("x",))]}
    assert read(tmp_path, "A 1 x\n").pronunciations == {"A": [(1.0, ("1", "x"))]}
    assert read(tmp_path, text, probabilities=False).pronunciations["A"][0] == (1.0, ("0.25", "x"))
    assert read(tmp_path, "A 0.25 x\nB y z\n").pronunciations["A"] == [(1.0, ("0.25", "x"))]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("A x\nB\n", "lexicon.txt", r"lexicon\.txt:2: word 'B' has no phones"),
        ("A x y\nB x\nA x y\n", "lexicon.txt", r"lexicon\.txt:3: 'A' as x y stands in line 1 already"),
        ("A 1.5 x\n", "lexiconp.txt", r"lexiconp\.txt:1: '1\.5' is no probability"),
        ("A 0 x\n", "lexiconp.txt", r":1: '0' is no probability"),
        ("A nan x\n", "lexiconp.txt", r":1: 'nan' is no probability"),
        ("A x y\n", "lexiconp.txt", r":1: 'x' is no probability"),
        ("A 0.5\n", "lexiconp.txt", r":1: word 'A' has no phones"),
        ("A\n", "lexiconp.txt", r":1: nothing is no probability"),
        (b"A x\nB \xff\n", "lexicon.txt", r"lexicon\.txt:2: not UTF-8"),
        ("\n \n", "lexicon.txt", "no entries"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, name, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text, name)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        Lexicon.from_file(tmp_path / "none.txt")


def test_stress_is_stripped_only_from_arpabet(tmp_path):
    text = "A AH0\nA EY1\nTHE DH AH0\nTHE DH AH1\nBIRD B ER1 D\n"
    kept = read(tmp_path, text)
    assert "AH0" in kept.phones
    stripped = read(tmp_path, text, strip_stress=True)
    assert stripped.phones == ["SIL", "AH", "B", "D", "DH", "ER", "EY"]
    assert stripped.pronunciations["THE"] == [(1.0, ("DH", "AH"))]
    tones = "MA m a1\nMA m a2\nER er2\n"
    assert read(tmp_path, tones, strip_stress=True).phones == ["SIL", "a1", "a2", "er2", "m"]
    assert read(tmp_path, "A AH3\n", strip_stress=True).phones == ["SIL", "AH3"]


def test_written_lexicon_reads_back(tmp_path):
    lexicon = read(tmp_path, "да 0.3333333333333333 d a\nда 1.0 SIL\nx 0.1 #1 <eps>\n", "lexiconp.txt")
    lexicon.write(tmp_path / "lexiconp.txt")
    again = Lexicon.from_file(tmp_path / "lexiconp.txt")
    assert again.pronunciations == lexicon.pronunciations
    assert again.phones == lexicon.phones
    assert lexicon.phones[0] == "SIL"
    assert lexicon.phones.count("SIL") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({},), "at least one word"),
        (({"a": []},), "no pronunciation"),
        (({"a": [(1.0, ())]},), "empty pronunciation"),
        (({"a": [(2.0, ("x",))]},), "probability 2.0"),
        (({"a": [(1.0, ("x",)), (0.5, ("x",))]},), "x twice"),
        (({"a b": [(1.0, ("x",))]},), "cannot be a word"),
        (({"a": [(1.0, ("x y",))]},), "cannot be a phone"),
        (({"a": [(1.0, ("x",))]}, "SIL", 1.5), "silence_probability is 1.5"),
        (({"a": [(1.0, ("x",))]}, "SIL", 0.1, 0.9, ["SIL"]), "phone 'x' is used"),
    ],
)
def test_a_lexicon_checks_itself(arguments, message):
    with pytest.raises(ValueError, match=message):
        Lexicon(*arguments)


def test_without_silence():
    lexicon = Lexicon({"a": [(1.0, ("x",))]}, silence=None)
    assert lexicon.phones == ["x"]
    assert lexicon.silence_probability == lexicon.edge_silence_probability == 0


def test_topology_numbers_pdfs():
    topology = Topology(["SIL", "a", "б"])
    assert topology.num_pdfs == 6
    assert [(topology.forward_pdf(i), topology.loop_pdf(i)) for i in range(3)] == [(0, 1), (2, 3), (4, 5)]
    assert topology.index("б") == 2
    with pytest.raises(ValueError, match="phone 'x'"):
        topology.index("x")
    with pytest.raises(ValueError, match="'a' is listed twice"):
        Topology(["a", "b", "a"])
    with pytest.raises(ValueError, match="at least one"):
        Topology([])
