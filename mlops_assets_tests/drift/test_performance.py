"""What a day's page shows of how production does."""

import datetime as dt
import re
from html.parser import HTMLParser

import pytest

from mlops_assets.drift.performance import Performance, ScoredDay, performance_html
from mlops_assets.drift.weakest import WeakSlice
from mlops_assets.fairness import Fairness, GroupRates
from mlops_assets.metrics import get_metric
from mlops_assets.slices import SliceScore

F1 = get_metric("f1_macro", "classification")
RMSE = get_metric("rmse", "regression")
MARKUP = "</style><script>owned = 1</script><b>carrier</b>"


def days(count, every=1, version="1"):
    """Days with a score of 0.8 and an estimate of 0.81, which is within 0.05 of it."""
    first = dt.date(2026, 1, 1)
    return [
        ScoredDay(str(first + dt.timedelta(days=at * every)), version, 0.8, (0.81, 0.76, 0.86))
        for at in range(count)
    ]


def shown(of=(), metric=F1, score=0.8, rows=300, **parts):
    return performance_html(Performance(metric, of, score, rows, **parts))


def shapes(page, kind):
    return re.findall(rf'<(?:path|rect) class="{kind}"', page)


class Shape(HTMLParser):
    """Whether every element of a page is closed in turn; and the elements."""

    def __init__(self, page):
        super().__init__()
        self.opened, self.names = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def test_scores_and_estimates_are_drawn_beside_each_other_and_what_is_outside_is_told():
    some = days(8)
    some[3] = ScoredDay("2026-01-04", "1", 0.7, (0.81, 0.76, 0.86))
    some[6] = ScoredDay("2026-01-07", "1", None, (0.81, 0.76, 0.86))
    some[7] = ScoredDay("2026-01-08", "2", 0.8, None)
    page = shown(some)
    assert len(shapes(page, "band")) == len(shapes(page, "estimate")) == 7
    assert (len(shapes(page, "dot")), len(shapes(page, "dot outside"))) == (6, 1)
    assert "On 6 days with both" in page
    assert "83 % of the scores" in page
    assert "2026-01-04, version 1; score 0.700; estimated at 0.810, 95 % from 0.760 to" in page
    assert re.findall(r'class="version"[^>]*>(\w+)<', page) == ["v2"]
    assert Shape(page).opened == []


def test_all_that_is_drawn_is_on_the_drawing():
    page = shown([*days(4), ScoredDay("2026-01-05", "1", -3.0), ScoredDay("2026-01-06", None, 9e4)])
    tops = [float(top) for top in re.findall(r'<path class="\w[^"]*" d="M[\d.]+ ([\d.-]+)', page)]
    assert tops
    assert all(0 <= top <= 100 for top in tops)


def test_the_latest_60_days_are_drawn_and_a_few_are_named():
    page = shown(days(100))
    assert len(shapes(page, "band")) == 60
    assert "2026-02-09" not in page
    assert "2026-02-10" in page
    named = re.findall(r'class="x"[^>]*>([^<]*)<', page)
    assert (named[0], named[-1], len(named)) == ("Feb 10", "Apr 10", 4)


def test_weeks_are_as_wide_as_they_are():
    page = shown(days(20, every=7))
    assert {*re.findall(r'class="band" x="\d+" y="[\d.]+" width="(\d+)"', page)} == {"7"}


@pytest.mark.parametrize("count", [1, 2])
def test_a_day_or_two_are_drawn_with_room_for_more(count):
    page = shown(days(count))
    assert 'viewBox="0 0 14 100"' in page
    assert len(re.findall('class="x"', page)) == 1


def test_nothing_is_drawn_of_what_nobody_knows():
    assert "Neither a score nor an estimate" in shown([ScoredDay("2026-01-01", "1")])
    only_scores = shown([ScoredDay("2026-01-01", "1", 1.0), ScoredDay("2026-01-02", "1", 1.0)])
    assert not shapes(only_scores, "band")
    assert "estimate without labels" not in only_scores
    assert "No day has both" in shown([ScoredDay("2026-01-01", "1", None, (0.8, 0.7, 0.9))])


def test_slices_have_their_rows_and_scores_beside_that_of_all_rows():
    slices = [
        SliceScore(name="carrier = AA", rows=1200, score=0.9),
        SliceScore(name="carrier = EV", rows=50, score=0.75),
        SliceScore(name="age < 30", rows=1, score=None),
    ]
    page = shown(days(1), slices=slices, named=True)
    told = re.sub(r"<[^>]+>", "|", page)
    for text in (
        "carrier = AA",
        "1,200",
        "0.900",
        "+0.100",
        "-0.050",
        "age &lt; 30",
        "not defined",
    ):
        assert text in told
    assert page.count('class="worse">-0.050') == 1
    errors = shown(days(1), metric=RMSE, slices=slices)
    assert 'class="worse">+0.100' in errors  # of an error, more is worse


def test_groups_are_told_as_they_are_named_with_their_differences():
    groups = tuple(
        GroupRates(
            column="sex",
            name=f"sex, group {place}",
            rows=100,
            selection_rate=rate,
            positives=40,
            true_positive_rate=None if place == 2 else 0.5,
        )
        for place, rate in ((1, 0.31), (2, 0.19))
    )
    page = shown(days(1), fairness=Fairness(groups=groups, max_difference=0.1, min_rows=30))
    assert "31.0 %" in page
    assert "12.0 points higher in sex, group 1 than in sex, group 2" in page
    assert "refused beyond 10" in page
    few = shown(days(1), fairness=Fairness(groups=groups, max_difference=None, min_rows=300))
    assert "No two groups of a column have 300 rows" in few


def test_the_weakest_part_is_said_or_that_there_is_none():
    weak = WeakSlice("hour > 17", 120, 0.34, 0.16, 22.0, "classification")
    assert "errs most where hour &gt; 17: 34.0 % of 120 rows" in shown(days(1), weakest=weak)
    assert "No part of the rows errs credibly more" in shown(days(1))
    assert "from 200 labelled rows on, and there are 30" in shown(days(1), rows=30)


def test_a_day_without_labels_says_that_of_its_slices():
    unlabelled = {"score": None, "rows": 0}
    assert "has no labels yet" in shown(days(1), named=True, **unlabelled)
    assert "labels yet" not in shown(days(1), **unlabelled)


def test_markup_in_names_is_text():
    page = shown(days(1), slices=[SliceScore(name=MARKUP, rows=1, score=0.5)])
    assert not {"script", "b"} & {*Shape(page).names}
    assert "&lt;b&gt;carrier" in page


def test_it_loads_nothing_and_runs_nothing():
    page = shown(days(3))
    assert not re.search(r"<script|https?:|url\(|\son\w+=", page)
