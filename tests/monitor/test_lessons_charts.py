"""What a lesson shows, as positions in an SVG and as text."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.lessons import charts, plain
from monitor.lessons.results import Bar, Columns, Table, Text, Timeline

BARS = st.lists(
    st.builds(
        lambda row, start, length, style: Bar(row, "S", start, start + length, style),
        st.sampled_from(["a", "b"]),
        st.floats(0, 30),
        st.floats(0.01, 10),
        st.sampled_from(["short", "waiting"]),
    ),
    min_size=1,
    max_size=20,
)


@given(BARS)
def test_no_bars_of_a_lane_overlap_and_none_is_missing(bars: list[Bar]) -> None:
    lanes = charts.lanes(bars)
    assert sorted(bar for _, rows in lanes for lane in rows for bar in lane) == sorted(bars)
    for _, rows in lanes:
        assert all(bar.style != "waiting" for bar in rows[0])
        for lane in rows:
            assert all(earlier.end <= later.start + charts.TOUCHING for earlier, later in pairwise(lane))


@given(BARS)
def test_no_box_leaves_the_chart(bars: list[Bar]) -> None:
    chart = charts.timeline(Timeline(Text("x"), bars))
    for box in chart.boxes:
        assert 0 <= float(box.x[:-1]) <= float(box.x[:-1]) + float(box.width[:-1]) <= 100.02
        assert 0 <= box.y <= box.y + box.height <= chart.foot
    assert 1 <= len(chart.ticks) <= charts.MOST_TICKS + 1


def test_the_highest_column_fills_the_chart_and_zero_has_no_height() -> None:
    high, half, zero = charts.columns(Columns(Text("x"), "s", [("a", 2000), ("b", 1000), ("c", 0)])).columns
    assert high.height == 2 * half.height > 0 == zero.height
    assert [column.shown for column in (high, half, zero)] == ["2,000", "1,000", "0"]
    assert {round(column.y + column.height, 6) for column in (high, half, zero)} == {high.y + high.height}


def test_the_columns_of_a_table_in_the_terminal_stand_below_each_other_in_korean_too() -> None:
    table = Table(Text("x"), [Text("구성"), Text("n")], [["워커 2개", "1"], ["two workers", "2"]])
    lines = plain.table(table).splitlines()[1:]
    assert len({plain.width(line[: line.rindex(" ")]) for line in lines}) == 1


def test_a_timeline_in_the_terminal_has_a_line_for_each_lane() -> None:
    bars = [Bar("w", "L", 0, 4, "long"), Bar("w", "S", 1, 4, "waiting"), Bar("w", "S", 4, 5, "short")]
    lines = plain.timeline(Timeline(Text("x"), bars)).splitlines()
    assert lines[1].startswith("  w |L###")
    assert lines[1].rstrip("|").endswith("S=============")
    assert lines[2].strip().strip("|").strip() == "S" + "." * 43
