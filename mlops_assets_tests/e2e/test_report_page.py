"""The drift report's page in a browser: markup in the data is text, and the page is drawn."""

import pytest

from mlops_assets_tests.drift.test_report import MARKUP, PERFORMANCE, page_with_markup

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_no_markup_of_the_data_runs_or_is_shown_as_such_and_the_page_is_drawn(page, tmp_path):
    path = tmp_path / "day.html"
    page_with_markup(path)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.locator(".js-plotly-plot").wait_for()  # the target's
    for number in range(len(MARKUP)):
        page.get_by_label("Detail panel visibility toggle").nth(number).click()
        page.locator(".js-plotly-plot").nth(number + 1).wait_for()
    for tab in page.get_by_role("tab", name="DATA DISTRIBUTION").all():
        tab.click()
    # On axes and in the table, letter by letter.
    for text in ("<b>bold</b><br>", "</script><script>owned = 1</script>", "[here](javascript:"):
        assert text in page.locator("body").inner_text().replace("\N{WORD JOINER}", "")
    assert page.locator(".xtick text", has_text="<\N{WORD JOINER}b>bold").count()
    assert page.evaluate("typeof owned") == "undefined"
    made_of_data = "img, a[href*=evil], a[href^=javascript], .js-plotly-plot svg a"
    assert page.locator(made_of_data).count() == 0
    assert asked == [path.as_uri()]
    assert said == []


@pytest.mark.parametrize("width", [390, 1300])
def test_how_production_does_is_drawn_as_wide_as_the_screen(page, tmp_path, width):
    path = tmp_path / "day.html"
    page_with_markup(path, performance=PERFORMANCE)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path.as_uri())
    section = page.locator("#performance")
    drawn, whole = section.locator(".plot").bounding_box(), section.bounding_box()
    assert 0.75 * whole["width"] < drawn["width"] < whole["width"] <= width
    assert section.locator(".dot").count() == 30
    days = section.locator("rect.day")
    days.nth(29).hover()
    assert "2026-01-30, version 1; score 0.800" in days.nth(29).text_content()
    # No axis is written over what is beside it.
    for label in section.locator(".plot span").all():
        box = label.bounding_box()
        assert 0 <= box["x"] <= width - box["width"]
    assert "<b>bold</b><br>" in section.inner_text()
    assert said == []
