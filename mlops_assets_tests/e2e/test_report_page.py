"""The drift report's page in a browser: markup in the data is text, and the page is drawn."""

import pytest

from mlops_assets_tests.drift.test_report import MARKUP, page_with_markup

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
