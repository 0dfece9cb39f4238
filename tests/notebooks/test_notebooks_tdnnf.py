"""01_tdnnf as a file, and its exercises: checks that know the usual mistakes, and solutions that pass."""

import sys

import pytest
import torch
from notebooks_files import NOTEBOOKS, has_its_parts, read, reads_without_a_kernel, saved_outputs, solutions, stub

sys.path.insert(0, str(NOTEBOOKS))  # as in a kernel, which starts beside the notebook

from exercises import tdnnf

from tdnnq_lab.models import FactoredLayer, semi_orthogonal_error
from tdnnq_lab.models.orthonormal import _step

NAME = "01_tdnnf.ipynb"
CHECKS = ("check_step", "check_context", "check_parameters")


@pytest.fixture(scope="module")
def notebook() -> dict:
    return read(NAME)


def test_saved_with_its_outputs_and_small() -> None:
    checked = saved_outputs(NAME)
    for figure in ("18,702,628", "12,420,388", "160 x 3072:  4 steps", "-34 to 34", "the same frames: True"):
        assert figure in checked


def test_pages_without_a_kernel_show_pictures(notebook: dict) -> None:
    reads_without_a_kernel(
        notebook, ("ui.flip({str(d)", "ui.flip(ui.singular_values", "ui.receptive_field(", "ui.weights_by_layer(")
    )


def test_lesson_has_its_parts(notebook: dict) -> None:
    has_its_parts(notebook, len(CHECKS))


def test_stubs_are_answered_kindly(notebook: dict, capsys: pytest.CaptureFixture) -> None:
    for check in CHECKS:
        exec(stub(notebook, check), {})
        assert capsys.readouterr().out.startswith("Nothing yet")


def test_solutions_pass(notebook: dict, capsys: pytest.CaptureFixture) -> None:
    found: dict = {"torch": torch}
    for solution in solutions(notebook).values():
        exec(solution, found)
    tdnnf.check_step(found["step"])
    tdnnf.check_context(found["context"])
    tdnnf.check_parameters(found["parameters"])
    assert capsys.readouterr().out.count(tdnnf.RIGHT) == len(CHECKS)


def test_the_matrix_of_exercise_1_is_one_that_takes_full_speed() -> None:
    """Elsewhere the library halves its step, and the student's equation would not be the library's."""
    m = tdnnf.example()
    values = torch.linalg.svdvals(m) / tdnnf.SCALE
    assert values.tolist() == pytest.approx(list(tdnnf.STRETCH), abs=1e-5)
    assert torch.allclose(tdnnf.library_step(m), _step(m[None])[0], atol=1e-6)
    u, s, vh = torch.linalg.svd(m.double(), full_matrices=False)
    scale = (s**4).sum() / (s**2).sum()
    by_hand = u @ torch.diag(s - 0.5 * s * (s**2 / scale - 1)) @ vh
    assert torch.allclose(tdnnf.library_step(m).double(), by_hand, atol=1e-5)
    assert semi_orthogonal_error(tdnnf.library_step(m)) < semi_orthogonal_error(m) / 5


P = "(m @ m.t())"
S2 = f"({P}.square().sum() / {P}.trace())"
EYE = "torch.eye(3)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"m - 0.5 / {S2} * ({P} - {S2} * {EYE}) @ m", "Right."),
        (f"m - 0.5 / {S2} * m @ (m.t() @ m - {S2} * torch.eye(5))", "Right."),  # the same by the larger product
        (f"m - 0.5 * ({P} - {EYE}) @ m", "forgot the floating scale"),
        (f"m - 0.5 * ({P} / ({P}.trace() / 3) - {EYE}) @ m", "the mean of the squared singular values"),
        (f"m - 0.5 * ({P} / ({P}.trace() / 5) - {EYE}) @ m", "divide by D, the columns"),
        (f"m - 0.5 / {S2}.sqrt() * ({P} - {S2} * {EYE}) @ m", "You divide by s; divide by s²"),
        (f"m - 0.5 / {S2}.sqrt() * ({P} - {S2}.sqrt() * {EYE}) @ m", "a root too many"),
        (f"m - 0.5 * ({P} - {S2} * {EYE}) @ m", "lacks the division by s²"),
        (f"m - 0.5 / {S2} * ({P} - {S2}) @ m", "Only from the diagonal"),
        (f"-0.5 / {S2} * ({P} - {S2} * {EYE}) @ m", "the change alone"),
        (f"m / m.norm(dim=1, keepdim=True) * {S2}.sqrt()", "every row the same length"),
        ("m / m.norm(dim=1, keepdim=True)", "every row length 1"),
        (f"{S2}.sqrt() * svd(m)", "goal in one leap, by SVD. Here"),
        ("svd(m)", "and at scale 1"),
        (f"m - 0.125 / {S2} * ({P} - {S2} * {EYE}) @ m", "You left out the 4 of 4ν"),
        (f"m - 2 / {S2} * ({P} - {S2} * {EYE}) @ m", "4.00 times as long as wanted. 4ν is"),
        (f"m + 0.5 / {S2} * ({P} - {S2} * {EYE}) @ m", "The sign is wrong"),
        ("m.clone()", "Nothing moved"),
        ("m + 1", "Work it through for singular values"),
        (f"m.t() - 0.5 / {S2} * m.t() @ ({P} - {S2} * {EYE})", "The shape is turned"),
        (P, "The shape is (3, 3)"),
        ("m @ m", "M Mᵀ is `m @ m.t()`"),
        (f"m.sub_(0.5 / {S2} * ({P} - {S2} * {EYE}) @ m)", "changed the matrix that it was given"),
        ("m / 0", "NaN or infinity"),
        ("3", "a torch Tensor is wanted"),
        ("None", "Nothing yet"),
    ],
)
def test_mistakes_of_exercise_1(body: str, message: str, capsys: pytest.CaptureFixture) -> None:
    def svd(m: torch.Tensor) -> torch.Tensor:
        u, _, vh = torch.linalg.svd(m, full_matrices=False)
        return u @ vh

    tdnnf.check_step(eval(f"lambda m: {body}", {"torch": torch, "svd": svd}))
    assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("(sum(strides) - splice[0], sum(strides) + splice[-1])", "Right. For splice (-2, 0, 1)"),
        ("[sum(strides) - splice[0], sum(strides) + splice[-1]]", "Right."),
        ("(splice[0] - sum(strides), sum(strides) + splice[-1])", "Right but for a sign"),
        ("(sum(strides) + splice[-1], sum(strides) - splice[0])", "exchanged"),
        ("(sum(strides), sum(strides))", "You left out tdnn1"),
        ("(2 * (sum(strides) - splice[0]), 2 * (sum(strides) + splice[-1]))", "Twice too far: a layer"),
        ("(2 * sum(strides) - splice[0], 2 * sum(strides) + splice[-1])", "Twice too far in the factored layers"),
        ("(sum(strides) + 1, sum(strides) + 1)", "You assume a splice"),
        ("(sum(strides) + len(splice), sum(strides) + len(splice))", "its ends are wanted"),
        ("(max(strides) - splice[0], max(strides) + splice[-1])", "strides add up"),
        ("(3, 3)", "You count output frames"),
        ("(1, 1)", "Walk down from the output"),
        ("sum(strides)", "two whole numbers are wanted"),
        ("None", "Nothing yet"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_mistakes_of_exercise_2(body: str, message: str, capsys: pytest.CaptureFixture) -> None:
    tdnnf.check_context(eval(f"lambda splice, strides: {body}"))
    assert message in capsys.readouterr().out


def test_parameters_of_exercise_3_are_those_of_the_layer() -> None:
    for stride in (0, 3):
        layer = FactoredLayer(tdnnf.HIDDEN, tdnnf.BOTTLENECK, stride, 0.66)
        halves = 2 if stride else 1
        right = halves * 2 * tdnnf.HIDDEN * tdnnf.BOTTLENECK + tdnnf.HIDDEN
        assert sum(p.numel() for p in layer.parameters()) == right


N = "(2 if stride else 1)"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"2 * {N} * c * d + c", "Right. A layer of 7q, hidden 1,536 and bottleneck 160, has 984,576 parameters."),
        (f"2 * {N} * c * d", "left out the bias"),
        (f"2 * {N} * c * d + c + d", "gave the first half a bias"),
        (f"2 * {N} * c * d + 2 * c", "A bias too many"),
        (f"2 * {N} * c * d + 3 * c", "Batch norm has no parameters here (Kaldi's"),
        ("2 * c * d + c", "You forgot the splicing"),
        ("4 * c * d + c", "Stride 0 (tdnnf5) splices nothing"),
        (f"({N} + 1) * c * d + c", "Only one of the halves"),
        ("(6 if stride else 2) * c * d + c", "each half splices two"),
        (f"{N} * c * c + c", "without a bottleneck"),
        ("7", "Count the entries"),
        ("None", "Nothing yet"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_mistakes_of_exercise_3(body: str, message: str, capsys: pytest.CaptureFixture) -> None:
    tdnnf.check_parameters(eval(f"lambda c, d, stride: {body}"))
    assert message in capsys.readouterr().out
