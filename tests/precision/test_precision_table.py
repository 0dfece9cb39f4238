"""Tables of sensitivities: what they refuse, what they tell of a plan, and their files."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from precision_toys import tables

from tdnnq_lab.precision import SensitivityTable
from tdnnq_lab.quantize import BitPlan

GOOD = {"layers": ["a", "b"], "sizes": [3, 5], "bits": (1, 2, 4), "values": [[3, 2, 1], [6, 5, 4]]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": []}, "at least one layer"),
        ({"layers": ["a", "a"]}, "layer 'a' is in the table twice"),
        ({"layers": ["a", 3]}, "layer 3: a layer's name is a string"),
        ({"sizes": [3]}, "1 sizes for 2 layers"),
        ({"sizes": [3, 0]}, "layer 'b': its size is 0"),
        ({"sizes": [3, 2.5]}, "layer 'b': its size is 2.5"),
        ({"sizes": [3, True]}, "layer 'b': its size is True"),
        ({"sizes": [3, 2**60]}, "weights in all"),
        ({"bits": ()}, "one or more"),
        ({"bits": (1, 2, 2)}, "each once"),
        ({"bits": (1, 2, 9)}, "9 bits"),
        ({"bits": (1, 2)}, r"values of shape \(2, 3\).*need \(2, 2\)"),
        ({"values": [1, 2, 3]}, r"values of shape \(3,\)"),
        ({"values": [[3, 2, 1], [6, float("nan"), 4]]}, "layer 'b': its value at 2 bits is NaN"),
        ({"values": [[3, 2, float("inf")], [6, 5, 4]]}, "layer 'a': its value at 4 bits is infinite"),
    ],
)
def test_what_does_not_fit_is_told(change, message):
    with pytest.raises(ValueError, match=message):
        SensitivityTable(**(GOOD | change))


def test_values_are_copied_to_float64_and_kept():
    given_ = np.ones((2, 3), np.float32)
    table = SensitivityTable(**(GOOD | {"values": given_, "bits": [1, 2, 4], "sizes": np.array([3, 5])}))
    given_[0, 0] = np.nan
    assert table.values.dtype == np.float64
    assert table.values.all()
    with pytest.raises(ValueError, match="read-only"):
        table.values[0, 0] = np.nan
    assert (table.bits, table.sizes) == ((1, 2, 4), [3, 5])
    assert json.dumps(table.sizes) == "[3, 5]"


def test_the_cost_of_a_plan_is_the_sum_over_the_tables_layers():
    table = SensitivityTable(**GOOD)
    plan = BitPlan({"b": 1, "other": 8, "a": 4})
    assert table.cost(plan) == table.cost(plan.bits) == 1 + 6
    assert table.average_bits(plan) == (3 * 4 + 5 * 1) / 8
    with pytest.raises(ValueError, match="gives layer 'b' no bits; the table has 1, 2, 4"):
        table.cost({"a": 1})
    with pytest.raises(ValueError, match="gives layer 'a' 8 bits"):
        table.average_bits({"a": 8, "b": 1})


@settings(deadline=None, max_examples=50)
@given(table=tables())
def test_a_table_comes_back_from_its_file(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "sensitivity.json"
    named = SensitivityTable(table.layers, table.sizes, table.bits, table.values, {"method": "kl", "operations": 12})
    named.save(path)
    assert SensitivityTable.load(path) == named != table
    assert [p.name for p in path.parent.iterdir()] == ["sensitivity.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"layers": ["a"]}', '{"format": "tdnnq-lab sensitivity 1"}'])
def test_foreign_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"other\.json: not a table of sensitivities"):
        SensitivityTable.load(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        SensitivityTable.load(tmp_path / "absent")


def test_a_file_with_nan_names_the_layer(tmp_path):
    SensitivityTable(**GOOD).save(tmp_path / "t.json")
    content = (tmp_path / "t.json").read_text().replace("6.0", "NaN")
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(ValueError, match=r"t\.json.*layer 'b': its value at 1 bits is NaN"):
        SensitivityTable.load(tmp_path / "t.json")
