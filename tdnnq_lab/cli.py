"""`tdnnq-lab …`: a thin shell over the rooms. Each command imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="tdnnq-lab",
    help="Extreme compression of a hybrid speech recogniser: train, plan, quantise, pack, decode, score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RunDir = Annotated[Path, typer.Option("--run-dir", help="Folder of the run; made if missing, resumed if there.")]
PreparedDir = Annotated[Path, typer.Option("--prepared", help="Folder that `tdnnq-lab prepare` filled.")]
Seed = Annotated[int, typer.Option(help="Of weights, order of batches and dropout.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]


@app.command()
def demo(
    run_dir: RunDir = Path("runs/demo"),
    corpus: Annotated[str, typer.Option(help="data_small, or data_small:DIR.")] = "data_small",
    passes: Annotated[float | None, typer.Option(help="Over the training set; fewer is quicker and worse.")] = None,
    seed: Seed = 0,
) -> None:
    """Train on the shipped corpus from scratch, decode every test set, show the table and write a page."""
    from .experiments.acoustic import Recipe
    from .experiments.demo import run_demo
    from .experiments.prepare import PrepareSettings
    from .ui import load_report, terminal_table, write_page

    recipe = Recipe(seed=seed) if passes is None else Recipe(seed=seed, passes=passes)
    path = run_demo(run_dir, settings=PrepareSettings(corpus=corpus), recipe=recipe)
    report = load_report(path)
    write_page(report, run_dir / "report.html")
    _console().print(terminal_table(report))
    print(f"table: {path}\npage:  {run_dir / 'report.html'} (open it in a browser)")


@app.command()
def prepare(
    out: Annotated[Path, typer.Option(help="Folder to fill; features are cached in it.")],
    corpus: Annotated[str, typer.Option(help="data_small, kaldi:DIR or lhotse:FILE.")] = "data_small",
    lexicon: Annotated[Path | None, typer.Option(help="Kaldi lexicon.txt: a word, then its phones.")] = None,
    train: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    tests: Annotated[str | None, typer.Option(help="Splits to decode, by commas; the first is for tuning.")] = None,
    lm_text: Annotated[Path | None, typer.Option(help="Text of the language model, one sentence a line.")] = None,
    order: Annotated[int, typer.Option(help="Of the word n-gram.")] = 3,
    prune: Annotated[float, typer.Option(help="Leave out n-grams that matter less; 0 keeps all.")] = 3e-6,
    speeds: Annotated[str, typer.Option(help="Speeds of the training copies, by commas.")] = "0.9,1.0,1.1",
    extra_states: Annotated[int, typer.Option(help="Longer histories in the phone n-gram.")] = 300,
    sampling_rate: Annotated[int, typer.Option(help="In Hz.")] = 8000,
    subtract_mean: Annotated[bool, typer.Option(help="Take each utterance's mean away instead.")] = False,
    speaker_mean: Annotated[bool, typer.Option(help="Take each speaker's cepstral mean away.")] = True,
    seed: Seed = 0,
) -> None:
    """Read a corpus; make its features, phone and word language models and graphs."""
    from .experiments.prepare import DATA_SMALL_TESTS, PrepareSettings
    from .experiments.prepare import prepare as fill

    splits = (
        tuple(tests.split(",")) if tests else DATA_SMALL_TESTS if corpus.startswith("data_small") else ("dev", "test")
    )
    settings = PrepareSettings(
        corpus=corpus,
        train=train,
        tests=splits,
        lexicon=str(lexicon) if lexicon else None,
        lm_text=str(lm_text) if lm_text else None,
        order=order,
        prune=prune,
        speeds=tuple(float(s) for s in speeds.split(",")),
        extra_states=extra_states,
        sampling_rate=sampling_rate,
        subtract_mean=subtract_mean,
        speaker_mean=speaker_mean and not subtract_mean,
        volumes=None if speaker_mean or subtract_mean else (0.25, 2.0),
        seed=seed,
    )
    found = fill(settings, out)
    print(f"{out}: ready ({found.facts['seconds']} s)")


@app.command()
def train(
    prepared: PreparedDir,
    run_dir: RunDir,
    preset: Annotated[str, typer.Option(help="small, medium or kaldi_7q.")] = "small",
    passes: Annotated[float | None, typer.Option(help="Passes over the training set.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Utterances in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimiser, at its highest.")] = None,
    final_learning_rate: Annotated[float | None, typer.Option(help="At the last update.")] = None,
    optimiser: Annotated[str | None, typer.Option(help="adam, adamw, muon or sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of the optimiser.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Peak of its schedule.")] = None,
    leaky: Annotated[float | None, typer.Option(help="Leaky-HMM coefficient.")] = None,
    xent: Annotated[float | None, typer.Option(help="Weight of the cross-entropy head.")] = None,
    time_masked: Annotated[float | None, typer.Option(help="Share of the frames that SpecAugment blanks.")] = None,
    frequency_masks: Annotated[int | None, typer.Option(help="Bands that SpecAugment blanks.")] = None,
    masked_until: Annotated[float | None, typer.Option(help="Share of the updates after which nothing is.")] = None,
    warp: Annotated[float | None, typer.Option(help="Vocal tracts are warped by 1 - WARP to 1 + WARP.")] = None,
    shifts: Annotated[bool | None, typer.Option(help="Begin each batch 0, 1 or 2 frames early.")] = None,
    average_from: Annotated[float | None, typer.Option(help="Weights are averaged after this share; 1: not.")] = None,
    start: Annotated[str | None, typer.Option(help="Begin with this finished run, or data_small: shipped.")] = None,
    chunks: Annotated[str | None, typer.Option(help="Sizes in frames, by commas (150,110,100); needs --start.")] = None,
    seed: Seed = 0,
    minutes: Annotated[
        float | None, typer.Option(help="Stop with a checkpoint after so long; run again to go on.")
    ] = None,
    device: Device = "cpu",
    bf16: Annotated[bool, typer.Option(help="Run the network in bfloat16 (on a GPU).")] = False,
) -> None:
    """Train an acoustic model with LF-MMI, from a flat start if not told otherwise; run again to resume."""
    from .experiments.acoustic import Recipe
    from .experiments.train import run_train

    given: dict[str, Any] = dict(passes=passes, batch_size=batch_size, optimiser=optimiser, xent=xent, shifts=shifts)
    given |= dict(learning_rate=learning_rate, final_learning_rate=final_learning_rate, weight_decay=weight_decay)
    given |= dict(dropout=dropout, leaky=leaky, time_masked=time_masked, frequency_masks=frequency_masks, warp=warp)
    given |= dict(masked_until=masked_until, average_from=average_from)
    given["chunks"] = tuple(map(int, chunks.split(","))) if chunks else None
    recipe = Recipe(preset=preset, seed=seed, **{k: v for k, v in given.items() if v is not None})
    limit = minutes * 60 if minutes else None
    report = run_train(prepared, recipe, run_dir, start=start, time_limit=limit, device=device, bf16=bf16)
    print(f"{run_dir}: {report.state} at update {report.update} of {report.updates}, {report.seconds:.0f} s")
    print(f"share of the criterion: {100 * report.criterion_share:.0f} %")


@app.command()
def baseline(
    name: Annotated[str, typer.Argument(help="data_small, speechocean762 or speechocean762_hour.")],
    run_dir: RunDir,
    corpus: Annotated[Path | None, typer.Option(help="Directory of speechocean762.")] = None,
    seed: Seed = 0,
    text: Annotated[Path | None, typer.Option(help="Decode with a language model mixed with this text, too.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep record, curves and hypotheses in KEEP/seedN.")] = None,
    device: Device = "cpu",
) -> None:
    """Make a full-precision baseline from nothing: prepare, train, tie, train on, decode; run again to resume."""
    from .experiments import frozen
    from .experiments.baseline import data_small, run_baseline, speechocean762, speechocean762_hour

    of_real_speech = {"speechocean762": speechocean762, "speechocean762_hour": speechocean762_hour}
    if name == "data_small":
        made = data_small(seed)
    elif name not in of_real_speech:
        raise ValueError(f"there is no baseline '{name}'; choose data_small, {' or '.join(of_real_speech)}")
    elif corpus is None:
        raise ValueError("speechocean762 is not shipped: fetch it (see README) and give --corpus DIRECTORY")
    else:
        made = of_real_speech[name](corpus, seed)
    facts = run_baseline(made, run_dir, text=text, device=device)
    if keep is not None:
        print(f"kept in {frozen.keep(run_dir, keep)}")
    print(f"{run_dir}: trained in {facts['train_seconds'] / 60:.1f} min; model {facts['model'][:12]}…")


@app.command(name="mix")
def mix_text(
    prepared: PreparedDir,
    text: Annotated[Path, typer.Option(help="Text, one sentence a line (.gz too).")],
    name: Annotated[str, typer.Option(help="Of the graph; then `decode --graph NAME`.")] = "mixed",
    prune: Annotated[float, typer.Option(help="Threshold of relative-entropy pruning; 0 keeps all.")] = 1e-8,
) -> None:
    """Add a decoding graph whose language model is mixed with that of another text, the weight tuned on dev."""
    from .experiments.mixed_lm import run_mix

    run_mix(prepared, text, name=name, prune=prune)


@app.command()
def tie(
    prepared: PreparedDir,
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="Folder to prepare for biphones.")],
    method: Annotated[str, typer.Option(help="tree, or counts.")] = "tree",
    leaves: Annotated[int, typer.Option(help="Pdfs of the tree.")] = 300,
    minimum: Annotated[float, typer.Option(help="Frames (tree) or occurrences (counts) that a pdf needs.")] = 200.0,
) -> None:
    """Make left biphones of a trained model's monophones; then `train --start RUN_DIR` on the new folder."""
    from .experiments.tie import run_tie
    from .experiments.train import load_trained

    run_tie(prepared, load_trained(run_dir), out, method=method, leaves=leaves, minimum=minimum)


@app.command()
def decode(
    prepared: PreparedDir,
    run_dir: RunDir,
    splits: Annotated[str | None, typer.Option(help="By commas; all test splits if not given.")] = None,
    acoustic_scale: Annotated[float | None, typer.Option(help="Tuned on the first test split if not given.")] = None,
    graph: Annotated[str, typer.Option(help="ngram, or one that `mix` added.")] = "ngram",
    unigram: Annotated[bool, typer.Option(help="Decode with the unigram too; takes as long again.")] = True,
) -> None:
    """Decode test splits with a trained model: words, times and phones into RUN_DIR/hyp (RUN_DIR/GRAPH/hyp)."""
    from .experiments.train import run_decode

    chosen = splits.split(",") if splits else None
    run_decode(prepared, run_dir, splits=chosen, acoustic_scale=acoustic_scale, graph=graph, unigram=unigram)


@app.command()
def score(
    reference: Annotated[Path, typer.Argument(help="TRN file of what was said.")],
    hypothesis: Annotated[Path, typer.Argument(help="TRN file of what was recognised.")],
    other: Annotated[Path | None, typer.Argument(help="A second system to compare with, by MAPSSWE.")] = None,
) -> None:
    """Word errors of a hypothesis file, and the significance of a difference between two."""
    from .scoring import mapsswe, read_trn, wer, wer_interval

    truth, first = read_trn(reference), read_trn(hypothesis)
    for name, words in ((hypothesis, first), *([(other, read_trn(other))] if other else [])):
        result = wer(truth, words)
        low, high = wer_interval(result)
        print(
            f"{name}: {result.percent:.2f} % word errors [{low:.2f}, {high:.2f}] "
            f"({result.errors} of {result.words}: {result.substitutions} S, {result.insertions} I, "
            f"{result.deletions} D)"
        )
    if other:
        m = mapsswe(truth, first, read_trn(other))
        low, high = (100 * x for x in m.interval)
        print(
            f"difference {100 * m.difference:+.2f} points [{low:+.2f}, {high:+.2f}], MAPSSWE p = {m.p:.4g} "
            f"({m.segments} segments); least difference this set would show: {100 * m.detectable:.2f} points"
        )


@app.command()
def headroom(
    prepared: PreparedDir,
    run_dir: RunDir,
    bits: Annotated[str, typer.Option(help="Bit-widths, by commas; 32 is full precision.")] = "32,8,4,3,2,1",
) -> None:
    """Round a trained model's weights, recalibrate batch norm, decode: what do fewer bits cost unaided?"""
    from .experiments.train import run_headroom

    run_headroom(prepared, run_dir, bits=tuple(int(b) for b in bits.split(",")))


@app.command()
def compress(
    prepared: PreparedDir,
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="Folder for packed models and hypotheses; resumed if there.")],
    variants: Annotated[str, typer.Option(help="By commas: mixed:AVERAGE or uniform:BITS.")] = "mixed:4,uniform:4",
    updates: Annotated[int, typer.Option(help="Of the fine-tuning of each.")] = 400,
    learning_rate: Annotated[float | None, typer.Option(help="Of fine-tuning; if not given, by bits.")] = None,
    measure: Annotated[str, typer.Option(help="kl, kl_bernoulli, loss or output_kl.")] = "output_kl",
    seed: Seed = 0,
) -> None:
    """Plan bits for a trained model, fine-tune, pack, decode from the packed files, compare."""
    from .experiments.compress import FitSettings
    from .experiments.train import run_compress

    settings = FitSettings(updates, learning_rate)
    rows = run_compress(
        prepared, run_dir, out, variants=variants.split(","), settings=settings, measure_by=measure, seed=seed
    )
    for row in rows:
        print(f"{row['name']}: {row['bytes']:,} bytes, {row['ratio']} times smaller than full precision")
    if (out / "report.json").is_file():
        from .ui import load_report, terminal_table, write_page

        report = load_report(out / "report.json")
        write_page(report, out / "report.html")
        _console().print(terminal_table(report))


@app.command()
def pack(
    model: Annotated[Path, typer.Argument(help="Model file that training wrote.")],
    plan: Annotated[Path, typer.Argument(help="Bit plan, as `BitPlan.save` writes it.")],
    out: Annotated[Path, typer.Argument(help="Packed file to write.")],
) -> None:
    """Pack a model by a bit plan into one small file, and say what each part of it weighs."""
    from .deploy import pack as write
    from .models import layers, load_model
    from .quantize import BitPlan

    network = load_model(model)
    report = write(network, BitPlan.load(plan), out)
    weights = sum(layer.parameters for layer in layers(network).values())
    parts = ", ".join(f"{name} {size:,}" for name, size in report.bytes_by_part.items())
    print(f"{out}: {report.bytes_on_disk:,} bytes ({parts})")
    print(f"{4 * weights / report.bytes_on_disk:.2f} times smaller than its {weights:,} weights in 32 bits")


@app.command()
def bundle(
    prepared: PreparedDir,
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="Folder for the bundle.")],
    system: Annotated[str, typer.Option(help="Packed system in the run directory.")] = "mixed4",
) -> None:
    """Put a packed model, its decoding graph, words and settings into one folder that `transcribe` reads."""
    from .experiments.train import run_bundle

    report = run_bundle(prepared, run_dir, system, out)
    print(f"{out}: {report.bytes_on_disk:,} bytes ({', '.join(f'{k} {v:,}' for k, v in report.bytes_by_part.items())})")


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Audio of any format, rate, length and number of channels.")],
    bundle: Annotated[Path | None, typer.Option(help="Folder of a bundle; the shipped one if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a file, with the times of all words.")] = False,
) -> None:
    """Write down what is said in audio files, each channel by itself, with times in seconds."""
    import dataclasses
    import json

    from .corpora import find_data_small
    from .deploy import Recogniser

    recogniser = Recogniser(bundle or find_data_small() / "models" / "bundle")
    failed = False
    for file in files:
        try:
            found = recogniser.transcribe(file)
        except (ValueError, OSError) as error:  # the other files are transcribed all the same
            print(f"error: {error}", file=sys.stderr)
            failed = True
            continue
        if as_json:
            print(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
            continue
        print(f"{file} ({'; '.join([f'{found.channels[0].seconds:.1f} s', *found.notes])})")
        for line in found.lines():
            number = f"{line.channel}: " if len(found.channels) > 1 else ""
            print(f"{line.start:8.2f} {line.end:8.2f}  {number}{line.text}")
    if failed:
        raise typer.Exit(1)


@app.command()
def study(
    prepared: PreparedDir,
    run_dir: RunDir,
    out: Annotated[Path, typer.Option(help="Folder for its results; resumed if there.")],
    seed: Seed = 0,
) -> None:
    """Which sensitivity predicts errors? Round layers one at a time, compare plans of equal bytes (half an hour)."""
    from .experiments.train import run_study_of

    for row in run_study_of(prepared, run_dir, out, seed=seed)["correlation"]:
        low, high = row["interval"]
        print(f"{row['measure']}, {row['bits']} bits, {row['errors']}: {row['rho']:+.2f} [{low:+.2f}, {high:+.2f}]")


@app.command()
def bench(
    what: Annotated[str, typer.Argument(help="lfmmi, step, budget, inference, gpu, or all but gpu.")] = "all",
    threads: Annotated[int, typer.Option(help="Torch threads.")] = 2,
) -> None:
    """Time the criterion, a training step, the solver and inference, side by side in one run."""
    from .experiments.bench import run_bench

    run_bench(what, threads)


@app.command()
def doctor() -> None:
    """What this machine has, what is missing, and the command that mends it."""
    from .doctor import examine, table

    findings = examine()
    _console().print(table(findings))
    if any(f.status == "missing" for f in findings):
        raise typer.Exit(1)


def _console() -> Any:
    from rich.console import Console

    return Console()


def main() -> None:
    """Entry point: errors that a user can mend are one sentence, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        if os.environ.get("TDNNQ_DEBUG"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
