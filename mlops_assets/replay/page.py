"""The page of a replay: one file with all that it needs, and nothing from any network."""

import base64
import hashlib
import html
import json
import re
from importlib import resources
from typing import Any

_TEMPLATE = "page.html"
_SHARES = ("share_of_gain_of_every_7", "share_of_trainings_of_every_7")
_HEADINGS = (
    ("policy", ""),
    ("mean", "The mean of the daily scores"),
    ("worst week", "The worst mean of seven scored days in a row"),
    ("over never", "The mean gain over never retraining, and its standard error by weeks"),
    ("retrained", "Trainings after the first"),
    ("promoted", "Versions that became production"),
    ("refused", "Candidates that the gate rejected or found inconclusive"),
    ("rolled back", "How often production went back to the version before"),
    ("held", "Retrainings put off, and days and candidates that wait for a person"),
    ("of its gain", "The share of the gain over never retraining that every 7 has"),
    ("of its trainings", "At what share of the trainings of every 7"),
)


def page(found: dict[str, Any]) -> str:
    """The page of what ``replay.json`` holds, as HTML."""
    from plotly.offline import get_plotlyjs

    template = (resources.files("mlops_assets.replay") / _TEMPLATE).read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)[-1:]
    library = get_plotlyjs()
    parts = {
        "policy": _content_policy(library, script),
        "title": html.escape(f"{found['model']}, {found['from']} to {found['to']}"),
        "facts": _facts(found),
        "table": _table(found["policies"]),
        "advice": "".join(f"<li>{_code(sentence)}</li>" for sentence in found["advice"]),
        "left_out": _left_out(found),
        "decisions": "".join(_decisions(policy) for policy in found["policies"]),
        "library": library,
        "data": _in_script(_drawn(found)),
    }
    # In one pass: what is put in may hold any text.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _content_policy(*scripts: str) -> str:
    """No script but these two runs, whatever the data holds, and nothing is loaded."""
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _in_script(value: Any) -> str:
    """JSON that cannot end the script element it is in."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _drawn(found: dict[str, Any]) -> dict[str, Any]:
    """What the chart needs."""
    names = ("name", "scores", "regimes", "decisions", "versions")
    return {
        "metric": found["metric"],
        "policies": [{name: policy[name] for name in names} for policy in found["policies"]],
    }


def _facts(found: dict[str, Any]) -> str:
    better = "more is better" if found["greater_is_better"] else "less is better"
    how = {
        "fast": "later trainings refit the winner of the first search",
        "full": "each training is a search of its own",
    }[found["training"]]
    late = found["label_delay_days"]
    labels = f"labels {late} days after the batch" if late else "labels with the batch"
    facts = (
        f"{found['days']} days",
        f"scored by {found['metric']} ({better}), each day before anything is learned from it",
        how,
        labels,
        f"took {_duration(found['seconds'])}",
    )
    return " · ".join(map(html.escape, facts))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _table(policies: list[dict[str, Any]]) -> str:
    head = "".join(
        f"<th{f' title={json.dumps(html.escape(tip))}' if tip else ''}>{name}</th>"
        for name, tip in _HEADINGS
    )
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, policies))}</tbody>"


def _row(policy: dict[str, Any]) -> str:
    gain = policy["gain_over_never"]
    cells = [
        _score(policy["mean_score"]),
        _score(policy["worst_week"]),
        _gain(gain) if gain else "",
        *(str(policy[name]) for name in ("retrainings", "promotions", "rejections")),
        *(str(policy[name]) for name in ("rollbacks", "held")),
        *("" if policy[name] is None else f"{policy[name]:.0%}" for name in _SHARES),
    ]
    marks = "".join(
        f'<span class="marks {kind}">{word} {html.escape(", ".join(policy[key]))}</span>'
        for kind, word, key in (
            ("good", "dominates", "dominates"),
            ("bad", "dominated by", "dominated_by"),
        )
        if policy[key]
    )
    name = f'<th scope="row"><i class="dot"></i>{html.escape(policy["name"])}{marks}</th>'
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _score(score: float | None) -> str:
    return "none" if score is None else f"{score:.3f}"


def _gain(gain: dict[str, Any]) -> str:
    error = gain["standard_error"]
    told = f"{gain['mean']:+.3f}" + (f" ± {error:.3f}" if error is not None else "")
    return f"<b>{told}</b>" if gain["clear"] else told


def _left_out(found: dict[str, Any]) -> str:
    lists = (
        ("Without a batch", dict.fromkeys(found["days_missing"], "")),
        ("Could not be read", found["days_failed"]),
        ("In quarantine", found["days_quarantined"]),
    )
    told = [f"<p>{html.escape(note)}</p>" for note in found["notes"]]
    for what, days in lists:
        if days:
            rows = "".join(f"<li><b>{day}</b> {html.escape(why)}</li>" for day, why in days.items())
            told.append(
                f"<details><summary>{what}: {len(days)} of {found['days']} days, which no policy "
                f"saw</summary><ul>{rows}</ul></details>"
            )
    return "".join(told)


def _decisions(policy: dict[str, Any]) -> str:
    made = policy["decisions"]
    rows = "".join(
        f"<tr><td>{html.escape(one['partition'])}{_later(one)}</td>"
        f'<td><span class="kind {html.escape(one["decision"])}">'
        f"{html.escape(one['decision'].replace('_', ' '))}</span></td>"
        f"<td>{html.escape(' '.join(one['reasons']))}</td></tr>"
        for one in made
    )
    name = html.escape(policy["name"])
    if not made:
        return f"<p>{name}: no decision was made.</p>"
    return (
        f"<details><summary>{name}: {len(made)} decision{'' if len(made) == 1 else 's'}</summary>"
        f'<div class="wide"><table class="decisions"><tbody>{rows}</tbody></table></div></details>'
    )


def _later(decision: dict[str, Any]) -> str:
    """The day on which it was decided, where later days have told."""
    if decision["day"] == decision["partition"]:
        return ""
    return f"<br>on {html.escape(decision['day'])}"


def _code(sentence: str) -> str:
    """Words between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(sentence))
