"""What medicine labels say in English."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Take {much}",
        Route.SUBLINGUAL: "Let {much} melt under the tongue",
        Route.INHALED: "Inhale {much}",
        Route.RECTAL: "Insert {much} into the rectum",
        Route.TOPICAL: "Apply {much} to the skin",
        Route.TRANSDERMAL: "Stick {much} to the skin",
        Route.OPHTHALMIC: "Put {much} into the eye",
        Route.OTIC: "Put {much} into the ear",
        Route.NASAL: "Put {much} into the nose",
        Route.OTHER: "Use {much}",
        **dict.fromkeys(INJECTED, "Inject {much}"),
    },
    once="once",
    daily={
        "=1": "once a day",
        "other": "{n} times a day",
    },
    at="at {hours}",
    every={
        "=1": "every hour",
        "other": "every {n} hours",
    },
    as_needed={
        "=1": "when needed, at most once in 24 hours",
        "other": "when needed, at most {n} times in 24 hours",
    },
    lasting={
        "=1": "for 1 day",
        "other": "for {n} days",
    },
    forms=(
        "tablet",
        "capsule",
        "solution",
        "suspension",
        "injection",
        "infusion",
        "drops",
        "inhaler",
        "patch",
        "suppository",
        "cream",
        "powder",
        "other",
    ),
    lots="Lot {lots}, use by {until}",
    dispensed="Dispensed {on} by {by}",
    quantity="Quantity",
)
