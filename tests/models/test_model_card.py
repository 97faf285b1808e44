"""The model card."""

from __future__ import annotations

from micrographia.models.card import model_card


def test_card() -> None:
    text = model_card(
        name="Nuclei",
        summary="Finds nuclei.",
        intended_use="Counting.",
        inputs="Any 2-D picture.",
        training_data="DSB2018, CC0.",
        license="CC0-1.0",
        validation="On 40 images that were set aside.",
        metrics={"fluorescence": {"AP@.5": 0.9, "images": 30}, "stained": {"AP@.5": 0.7123}},
        known_failures=["Touching nuclei in thick tissue."],
        training={"steps": 4000},
    )
    assert text.startswith("# Nuclei\n")
    assert "## Validation" in text
    assert "| kind | AP@.5 | images |" in text
    assert "| fluorescence | .900 | 30 |" in text
    assert "| stained | .712 |  |" in text
    assert "- Touching nuclei" in text and "- steps: 4000" in text
    assert "References" not in text
