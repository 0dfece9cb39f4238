"""The whole way on a sliver of the shipped corpus: prepare, train, decode, score, report, and what users get wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from tdnnq_lab.cli import app
from tdnnq_lab.corpora import Report, cuts, find_data_small
from tdnnq_lab.deploy import load
from tdnnq_lab.experiments import RunRecord, frozen
from tdnnq_lab.experiments.acoustic import AcousticBatches, Recipe, inner, make_numerators
from tdnnq_lab.experiments.acoustic_training import decay_by_layer, make_batches, started_from
from tdnnq_lab.experiments.baseline import Baseline, decoded, run_baseline
from tdnnq_lab.experiments.chunks import ChunkBatches
from tdnnq_lab.experiments.compress import FitSettings, Variant
from tdnnq_lab.experiments.demo import DemoSettings, run_demo
from tdnnq_lab.experiments.evaluate import Scales
from tdnnq_lab.experiments.headroom import headroom
from tdnnq_lab.experiments.prepare import Prepared, PrepareSettings, prepare
from tdnnq_lab.experiments.tie import run_tie
from tdnnq_lab.experiments.train import load_trained, run_decode, run_train
from tdnnq_lab.graphs import denominator
from tdnnq_lab.lfmmi import LfmmiLoss, LfmmiOutput, forward_backward
from tdnnq_lab.models import Tdnnf, layers
from tdnnq_lab.quantize import BitPlan
from tdnnq_lab.scoring import mapsswe, read_trn, wer
from tdnnq_lab.ui import load_report, report_page, terminal_table

SPLITS = {"train": 24, "dev": 6, "test_seen": 6}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as `data_small`, with the first turns of its splits."""
    folder = tmp_path_factory.mktemp("sliver")
    whole = find_data_small()
    for name in ("audio", "generate", "lexicon.txt", "pcm.sha256"):
        (folder / name).symlink_to(whole / name)
    for split, turns in SPLITS.items():
        lines = (whole / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
        (folder / f"{split}.tsv").write_text("\n".join(lines[: turns + 1]) + "\n", encoding="utf-8")
    return folder


def sliver_settings(corpus: Path) -> PrepareSettings:
    return PrepareSettings(
        corpus=f"data_small:{corpus}", tests=("dev", "test_seen"), lm_words=3000, speeds=(1.0,), extra_states=20
    )


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    demo_of(folder, corpus)
    return folder


def demo_of(folder: Path, corpus: Path) -> None:
    demo = DemoSettings(fit=FitSettings(updates=4))
    run_demo(folder, settings=sliver_settings(corpus), recipe=Recipe(passes=2, threads=1), demo=demo)


def test_report_counts_what_was_decoded(run: Path) -> None:
    report = load_report(run / "report.json")
    assert [s["name"] for s in report["sets"]] == ["dev", "test_seen"]
    for found in report["sets"]:
        truth, words = (read_trn(run / kind / f"{found['name']}.trn.gz") for kind in ("ref", "hyp"))
        again = wer(truth, words)
        assert (found["words"], found["wer"]) == (again.words, round(again.percent, 2))
        assert sum(s["errors"] for s in found["errors_by_speaker"]) == again.errors
        assert found["per"] > 0
    assert report["learning_curve"][-1]["update"] == 6
    assert all(point["objective"] <= 0 for point in report["learning_curve"])
    assert "test_seen" in report_page(report)
    console = Console(record=True, width=160)
    console.print(terminal_table(report))
    assert "mixed" in console.export_text()


def test_packed_systems_are_what_the_report_says(run: Path) -> None:
    report = load_report(run / "report.json")
    full, mixed, uniform = report["systems"]
    assert [s["name"] for s in report["systems"]] == ["full", "mixed4", "uniform4"]
    for system in report["systems"]:
        assert (run / f"{system['name']}.safetensors").stat().st_size == system["bytes"]
        assert system["ratio"] == round(full["bytes"] / system["bytes"], 2) <= system["ratio_with_xent"]
        for split, found in system["sets"].items():
            truth = read_trn(run / "ref" / f"{split}.trn.gz")
            words = read_trn(run / "hyp" / system["name"] / f"{split}.trn.gz")
            assert found["wer"] == round(wer(truth, words).percent, 2)
            if system is not full:
                test = mapsswe(truth, read_trn(run / "hyp" / "full" / f"{split}.trn.gz"), words)
                assert (found["difference"], found["p"]) == (round(100 * test.difference, 2), round(test.p, 4))
    assert mixed["average_bits"] <= 4 == uniform["average_bits"]
    assert report["plan"]["bits"] == BitPlan.load(run / "mixed4.plan.json").bits
    values = {
        name: {v for w in layer.weights for v in w.abs().unique().tolist()}
        for name, layer in layers(load(run / "uniform4.safetensors")).items()
    }
    assert all(len(found) <= 2 * 8 for found in values.values()), "two matrices of at most eight magnitudes a layer"
    assert {entry["set"] for entry in report["listen"]} == {"dev", "test_seen"}
    assert all(set(entry["hypotheses"]) == {"full", "mixed4", "uniform4"} for entry in report["listen"])


def test_record_says_what_made_it(run: Path) -> None:
    record = RunRecord.load(run)
    assert (record.row, record.seed, record.settings["passes"]) == ("demo", 0, 2)
    assert record.data_hash == Prepared.load(run / "prepared").facts["data"]
    assert record.versions["torch"] == torch.__version__.split("+")[0]
    assert json.loads((run / "status.json").read_text())["state"] == "finished"


def test_a_finished_demo_is_not_trained_again(run: Path, corpus: Path) -> None:
    before = (run / "model.safetensors").read_bytes(), (run / "metrics.jsonl").read_bytes()
    demo_of(run, corpus)
    assert before == ((run / "model.safetensors").read_bytes(), (run / "metrics.jsonl").read_bytes())
    assert RunRecord.load(run).calls == 2


def biphones_of(run: Path, out: Path, leaves: int) -> Prepared:
    return run_tie(run / "prepared", load_trained(run), out, leaves=leaves, minimum=2, say=lambda _: None)


def first_loss(prepared: Prepared, model: Tdnnf) -> LfmmiOutput:
    inputs, (numerators, lengths), _ = next(AcousticBatches(prepared, 8, 0).epoch(0))
    chain, xent = model(*inputs)
    return LfmmiLoss(prepared.denominator, leaky=0.1, xent=0.1)(chain, numerators, lengths, xent)


def test_biphones_begin_where_the_monophones_ended(run: Path, tmp_path: Path) -> None:
    """Outputs are split, graphs grow, and every total is what it was: same paths, same weights, same scores."""
    mono, tied = Prepared.load(run / "prepared"), biphones_of(run, tmp_path / "tied", 200)
    assert tied.topology.num_pdfs == 200 > mono.topology.num_pdfs
    model = load_trained(run)
    before, after = first_loss(mono, model), first_loss(tied, started_from(model, tied).eval())
    assert after.numerator == pytest.approx(before.numerator, abs=1e-5)
    assert after.denominator == pytest.approx(before.denominator, abs=1e-5)
    assert after.objective < 0


def test_biphones_are_trained_and_decoded(run: Path, tmp_path: Path) -> None:
    tied, folder = tmp_path / "tied", tmp_path / "run"
    biphones_of(run, tied, 100)
    with pytest.raises(ValueError, match="tied otherwise"):
        biphones_of(run, tied, 101)
    with pytest.raises(ValueError, match="tying begins from monophones"):
        run_tie(tied, load_trained(run), tmp_path / "again")
    run_train(tied, Recipe(passes=1, threads=1), folder, start=run)
    assert load_trained(folder).config.num_pdfs == 100
    results = run_decode(tied, folder, splits=["dev"], acoustic_scale=1.0)
    assert results[0]["phones"] > 0
    kept = json.loads((folder / "results.json").read_text())
    assert (kept["acoustic_scale"], kept["tuned"]) == (1.0, {})  # a scale that is given: no test set is tuned on
    assert "phone_scale" not in kept
    assert RunRecord.load(folder).settings["tying"]["pdfs"] == 100
    with pytest.raises(ValueError, match=r"has 100 outputs and .* \d+ pdfs: give the folder"):
        run_decode(run / "prepared", folder, splits=["dev"], acoustic_scale=1.0)
    with pytest.raises(ValueError, match=r"a network of 100 outputs cannot .* needs as many, or \d+"):
        started_from(load_trained(folder), Prepared.load(run / "prepared"))


def test_a_baseline_is_made_by_one_call_and_not_twice(corpus: Path, tmp_path: Path) -> None:
    one = Recipe(passes=1, threads=1)
    made = Baseline(sliver_settings(corpus), one, leaves=100, tied=one, start="data_small")
    text = tmp_path / "text.txt"
    text.write_text("\n".join(cut.supervisions[0].text for cut in cuts("data_small", "train")), encoding="utf-8")
    facts = run_baseline(made, tmp_path / "run", text=text, say=lambda _: None)
    weights = (tmp_path / "run" / "final" / "model.safetensors").read_bytes()
    assert facts["model"] == hashlib.sha256(weights).hexdigest()
    assert [found["name"] for found in facts["results"]] == ["dev", "test_seen"]
    assert facts["settings"]["tied"]["passes"] == 1
    shipped = find_data_small() / "models" / "baseline.safetensors"
    assert facts["start"] == hashlib.sha256(shipped.read_bytes()).hexdigest()
    assert frozen.as_table([facts]).count("+ start") == 1
    assert f"{facts['train_seconds'] / 60:.1f} + 5.0 (start)" in frozen.as_table([facts], {facts["start"]: 300.0})
    assert [found["name"] for found in facts["mixed"]["results"]] == ["dev", "test_seen"]
    assert all("unigram_wer" in found for found in facts["results"])
    assert not any("unigram_wer" in found for found in facts["mixed"]["results"])  # that would be the same once more
    assert facts["updates"] == [
        RunRecord.load(tmp_path / "run" / part).results["updates"] for part in ("flat", "final")
    ]
    folder = frozen.keep(tmp_path / "run", tmp_path / "kept")
    assert folder.name == "seed0"
    assert not list(folder.rglob("mixed*"))
    assert (folder / "hyp" / "dev.trn.gz").read_bytes() == (tmp_path / "run/final/hyp/dev.trn.gz").read_bytes()
    curves = json.loads((folder / "curves.json").read_text(encoding="utf-8"))
    assert [curves[part][-1]["update"] for part in ("flat", "final")] == facts["updates"]
    assert "examples" not in frozen.kept(tmp_path / "kept")[0]["results"][0]
    before = (tmp_path / "run/final/hyp/dev.trn.gz").stat().st_mtime_ns
    again = run_baseline(made, tmp_path / "run", say=lambda _: None)
    assert again["model"] == facts["model"]
    assert json.dumps(again["results"]) == json.dumps(facts["results"])
    assert (tmp_path / "run/final/hyp/dev.trn.gz").stat().st_mtime_ns == before  # what was decoded stays
    assert decoded(tmp_path / "run" / "final", ["dev"]) is None
    (tmp_path / "run" / "final" / "model.safetensors").write_bytes(b"another")
    assert decoded(tmp_path / "run" / "final", ["dev", "test_seen"]) is None
    with pytest.raises(ValueError, match="other settings"):
        run_baseline(dataclasses.replace(made, leaves=101), tmp_path / "run")
    with pytest.raises(FileNotFoundError, match=r"missing.txt: no such file"):
        run_baseline(made, tmp_path / "untouched", text=tmp_path / "missing.txt")
    assert not (tmp_path / "untouched").exists()
    with pytest.raises(ValueError, match="has both"):
        run_baseline(dataclasses.replace(made, tied=None), tmp_path / "other")


def test_chunks_hold_what_was_said_in_them_and_train(run: Path, tmp_path: Path) -> None:
    data, model = Prepared.load(run / "prepared"), load_trained(run)
    batches = ChunkBatches(data, 4, 0, aligner=model, sizes=(60, 45))
    assert {chunk.frames for chunk in batches.chunks if chunk.frames >= 15} == {20, 15}
    seen = sorted((chunk.cut, chunk.start) for chunk in batches.chunks)
    for epoch in (0, 1):
        examples = list(batches.epoch(epoch))
        assert len(examples) == len(batches)
        names = [name for _, _, ids in examples for name in ids]
        assert sorted(names) == sorted(f"{batches.batches.cuts[cut].id}-{start}" for cut, start in seen)
    (features, lengths, *_), (numerators, frames, before), ids = examples[0]
    assert (lengths <= 3 * (frames + before + batches.context)).all()
    assert len({int(n) for n in frames}) == 1 or frames.min() < 15
    # What the network says of a chunk's own frames is what it says of them in the whole utterance.
    with torch.inference_mode():
        chain = inner(model(features, lengths), before, frames)
        place = next(i for i, cut in enumerate(batches.batches.cuts) if ids[0].startswith(cut.id + "-"))
        start = int(ids[0].rpartition("-")[2])
        whole = model(torch.from_numpy(batches.batches.matrices[place].copy())[None])[0]
    n = int(frames[0])
    assert torch.allclose(chain[0, :n], whole[start : start + n], atol=1e-3)
    den = denominator(data.phone_lm, data.topology)
    above, _ = forward_backward(numerators, chain, frames)
    below, _ = forward_backward(den, chain, frames)
    assert bool(torch.isfinite(above).all())
    assert bool((above <= below + 1e-6).all())
    recipe = Recipe(passes=1, threads=1, chunks=(60, 45))
    with pytest.raises(ValueError, match="begin with that run"):
        run_train(run / "prepared", recipe, tmp_path / "none")
    report = run_train(run / "prepared", recipe, tmp_path / "run", start=run)
    assert report.state == "finished"
    assert report.left_out == {}


def test_batches_that_begin_early_fit_their_numerators(run: Path, tmp_path: Path) -> None:
    data, model = Prepared.load(run / "prepared"), load_trained(run)
    batches = make_batches(data, Recipe(batch_size=4, shifts=True), None, Report())
    counts = []
    matrices = {cut.id: cut.load_features() for cut in batches.cuts}
    for (features, lengths, *_), (numerators, frames), ids in itertools.chain(*map(batches.epoch, range(8))):
        plain = [matrices[id] for id in ids]
        counts.append(features.shape[1] - max(map(len, plain)))
        for row, matrix, length in zip(features, plain, lengths.tolist(), strict=True):
            assert length == len(matrix) + counts[-1]
            np.testing.assert_array_equal(row[counts[-1] : length], matrix)
            np.testing.assert_array_equal(row[: counts[-1]], np.repeat(matrix[:1], counts[-1], axis=0))
        assert frames.tolist() == model.output_lengths(lengths).tolist()
        assert len(numerators) == len(ids)
    assert set(counts) == {0, 1, 2}
    again = [features.shape for (features, *_), _, _ in batches.epoch(0)]
    assert again == [features.shape for (features, *_), _, _ in batches.epoch(0)]  # a resumed run sees the same
    assert again != [features.shape for (features, *_), _, _ in batches.epoch(1)]
    with pytest.raises(ValueError, match="whole utterances"):
        make_batches(data, Recipe(shifts=True, chunks=(60, 45)), model, Report())


def test_output_layers_decay_a_fifth_as_fast(run: Path, tmp_path: Path) -> None:
    model = load_trained(run)
    hidden, outputs = decay_by_layer(model, 0.01) or []
    named = dict(model.named_parameters())
    assert [name for name, p in named.items() if any(p is q for q in outputs.parameters)] == [
        f"{head}.output.{kind}" for head in ("chain", "xent") for kind in ("weight", "bias")
    ]
    assert sorted(map(id, [*hidden.parameters, *outputs.parameters])) == sorted(map(id, named.values()))
    assert (hidden.weight_decay, outputs.weight_decay) == (None, pytest.approx(0.002))
    assert decay_by_layer(model, 0.0) is None
    recipe = Recipe(passes=0.2, threads=1, optimiser="adamw", weight_decay=0.5)
    report = run_train(run / "prepared", recipe, tmp_path / "run")
    assert report.state == "finished"


def test_a_training_begins_with_the_shipped_model(run: Path, tmp_path: Path) -> None:
    """One update from a model that knows the language is better than as many from random weights."""
    recipe = Recipe(passes=0.2, threads=1, warp=0.0, dropout=0.0, learning_rate=1e-5, average_from=1.0)
    last = {}
    for name, start in (("shipped", "data_small"), ("random", None)):
        run_train(run / "prepared", recipe, tmp_path / name, start=start)
        last[name] = json.loads((tmp_path / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert last["shipped"]["loss"] < last["random"]["loss"] / 2
    record = json.loads((tmp_path / "shipped" / "run.json").read_text(encoding="utf-8"))
    assert record["settings"]["start"] == "data_small"
    # The input is normalised by the new corpus, not by the one that the model was trained on.
    model, random = load_trained(tmp_path / "shipped"), load_trained(tmp_path / "random")
    assert torch.equal(model.input_mean, random.input_mean)


def test_a_network_trained_in_bfloat16_is_kept_in_float32(run: Path, tmp_path: Path) -> None:
    report, model = run_train(run / "prepared", Recipe(passes=0.2), tmp_path, bf16=True), load_trained(tmp_path)
    assert (report.state, model.autocast, {p.dtype for p in model.parameters()}) == ("finished", None, {torch.float32})


def test_objective_is_never_above_zero_on_real_transcripts(run: Path) -> None:
    """Numerator paths are denominator paths, whatever the network says; on held-out transcripts too."""
    data = Prepared.load(run / "prepared")
    for split in ("train", "test_seen"):
        cuts = data.cuts(split)
        numerators = make_numerators(data, cuts, Report())
        ids = [cut.id for cut in cuts if cut.id in numerators]
        logits = 5 * torch.randn(len(ids), 150, data.topology.num_pdfs, generator=torch.Generator().manual_seed(1))
        lengths = torch.tensor([-(-cut.features.num_frames // 3) for cut in cuts if cut.id in numerators]).clamp(
            max=150
        )
        above, _ = forward_backward([numerators[id] for id in ids], logits, lengths)
        for leaky in (0.0, 0.1):
            below, _ = forward_backward(data.denominator, logits, lengths, leaky=leaky)
            assert bool((above <= below + 1e-9).all())
        assert bool(torch.isfinite(above).any())


def test_headroom_rows(run: Path) -> None:
    data = Prepared.load(run / "prepared")
    rows = headroom(load_trained(run), data, AcousticBatches(data, 8, 0), scales=Scales(), bits=(32, 1), splits=["dev"])
    assert [row["bits"] for row in rows] == [32, 1]
    assert set(rows[0]["sets"]["dev"]) == {"wer", "unigram_wer", "per"}
    assert rows[0]["sets"]["dev"] != rows[1]["sets"]["dev"]


def test_utterances_that_cannot_be_trained_on_are_counted_and_named(run: Path) -> None:
    data, report = Prepared.load(run / "prepared"), Report()
    cuts = list(data.cuts("train"))
    cuts[0].supervisions[0].text = "NOSUCHWORD"
    cuts[1].supervisions[0].text = " ".join(["TELEVISION"] * 200)
    numerators = make_numerators(data, cuts, report)  # type: ignore[arg-type]
    assert len(numerators) == len(cuts) - 2
    assert cuts[0].id in report.skipped["word outside the lexicon (NOSUCHWORD)"]
    assert cuts[1].id in report.skipped["audio too short for its transcript"]


def test_prepare_refuses_a_folder_of_other_settings(run: Path, corpus: Path) -> None:
    other = dataclasses.replace(sliver_settings(corpus), order=2)
    with pytest.raises(ValueError, match="other settings"):
        prepare(other, run / "prepared")
    with pytest.raises(ValueError, match="taken away once"):
        prepare(dataclasses.replace(sliver_settings(corpus), subtract_mean=True), run / "untouched")
    assert not (run / "untouched").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "--corpus", "kaldi:nowhere", "--out", "x"], "a lexicon is needed"),
        (["train", "--prepared", "nowhere", "--run-dir", "x"], "tdnnq-lab prepare"),
        (["bench", "nothing"], "no benchmark 'nothing'"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert message in str(result.exception)


def test_score_prints_errors_and_significance(run: Path) -> None:
    reference, hypothesis = (str(run / kind / "dev.trn.gz") for kind in ("ref", "hyp"))
    result = CliRunner().invoke(app, ["score", reference, hypothesis, reference])
    assert result.exit_code == 0, result.output
    assert "% word errors" in result.output
    assert "MAPSSWE p =" in result.output


def test_compress_writes_a_variant_and_resumes(run: Path, tmp_path: Path) -> None:
    decoding = ["decode", "--prepared", str(run / "prepared"), "--run-dir", str(run), "--acoustic-scale", "1.0"]
    assert CliRunner().invoke(app, decoding).exit_code == 0
    arguments = ["compress", "--prepared", str(run / "prepared"), "--run-dir", str(run), "--out", str(tmp_path)]
    arguments += ["--variants", "uniform:2,mixed:2.5", "--updates", "3", "--measure", "kl"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    first = {p.name: p.read_bytes() for p in tmp_path.glob("*.safetensors")}
    assert set(first) == {"full.safetensors", "uniform2.safetensors", "mixed2.5.safetensors"}
    assert len(first["uniform2.safetensors"]) < len(first["full.safetensors"]) / 9
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert first == {p.name: p.read_bytes() for p in tmp_path.glob("*.safetensors")}
    written = json.loads((tmp_path / "compress.json").read_text())
    assert written["plans"]["uniform2"] == dict.fromkeys(written["plans"]["uniform2"], 2)
    assert written["sensitivity"]["measure"] == "kl"
    report = load_report(tmp_path / "report.json")
    assert [system["name"] for system in report["systems"]] == ["full", "uniform2", "mixed2.5"]
    assert report["plan"]["system"] == "mixed2.5"
    assert "2.5" in report_page(report)


@pytest.mark.parametrize("text", ["mixed", "uniform:9", "uniform:2.5", "some:4", "mixed:-1", "mixed:x"])
def test_a_variant_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mixed:AVERAGE or uniform:BITS"):
        Variant.parse(text)
