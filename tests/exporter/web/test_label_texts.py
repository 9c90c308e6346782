"""Texts of labels are held while they are used, and not for ever."""

from __future__ import annotations

from exporter.web.writing import MOST_LABELS, LabelTexts


def test_labels_that_come_and_go_are_not_held_for_ever() -> None:
    texts = LabelTexts()
    for number in range(3 * MOST_LABELS):
        assert texts["target", f"pod-{number}"] == f'target="pod-{number}"'
        assert len(texts) <= MOST_LABELS
