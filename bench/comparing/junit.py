"""A verdict as JUnit XML, for the test reports of pipelines: a test case for each measure and each condition.

What is INCONCLUSIVE is `skipped`, which means that there was no verdict. `failure` would be one, and in places where a
pipeline goes on with exit code 2 it would turn everything red that was merely not decided. A pipeline that must not go
on without a verdict has the exit code. Form: the schema of Jenkins' JUnit plugin, which GitLab reads too.
"""

from __future__ import annotations

from xml.etree import ElementTree

from bench.comparing import rows
from bench.comparing.verdict import JudgedChange, JudgedCondition, Outcome, Verdict, count

SUITE = "chatprobe bench compare"


def junit(verdict: Verdict) -> bytes:
    """The whole file."""
    judged: list[JudgedChange | JudgedCondition] = [*verdict.changes, *verdict.conditions]
    suite = ElementTree.Element(
        "testsuite",
        name=SUITE,
        tests=str(len(judged) + bool(verdict.grounds)),
        failures=str(count(judged, Outcome.FAIL)),
        errors="0",
        skipped=str(count(judged, Outcome.INCONCLUSIVE) + bool(verdict.grounds)),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, sources in (("baseline", verdict.baseline), ("candidate", verdict.candidate)):
        for source in sources:
            ElementTree.SubElement(properties, "property", name=name, value=_printable(source))
    if verdict.grounds:
        case = ElementTree.SubElement(suite, "testcase", classname=SUITE, name="trust")
        ElementTree.SubElement(case, "skipped", message=_printable("; ".join(verdict.grounds)))
    for change in verdict.changes:
        _case(suite, rows.place(change.target, change.level), str(change.question), change, rows.change_cells(change), rows.CHANGES)
    for condition in verdict.conditions:
        where = f"{condition.run}, {rows.place(condition.target, condition.level)}"
        _case(suite, where, condition.condition.text, condition, rows.condition_cells(condition, runs=len(verdict.candidate)), rows.CONDITIONS)
    ElementTree.SubElement(suite, "system-out").text = _printable(
        "\n".join((rows.statement(verdict), *rows.reasons(verdict), *rows.remarks(verdict)))
    )
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(
    suite: ElementTree.Element,
    where: str,
    name: str,
    judged: JudgedChange | JudgedCondition,
    cells: tuple[str, ...],
    heads: tuple[str, ...],
) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=_printable(where), name=_printable(name))
    told = "\n".join(f"{head}: {cell}" for head, cell in zip(heads, cells, strict=True))
    match judged.outcome:
        case Outcome.FAIL:
            ElementTree.SubElement(case, "failure", message=_printable(judged.why)).text = _printable(told)
        case Outcome.INCONCLUSIVE:
            ElementTree.SubElement(case, "skipped", message=_printable(f"INCONCLUSIVE: {judged.why}"))
        case Outcome.PASS:
            ElementTree.SubElement(case, "system-out").text = _printable(f"{judged.why}\n{told}")


def _printable(text: str) -> str:
    """XML 1.0 has no control characters."""
    return "".join(mark if mark in "\n\t" or mark.isprintable() else "�" for mark in text)
