"""What medicine labels say in Dutch."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "{much} innemen",
        Route.SUBLINGUAL: "{much} onder de tong laten smelten",
        Route.INHALED: "{much} inhaleren",
        Route.RECTAL: "{much} in de anus inbrengen",
        Route.TOPICAL: "{much} op de huid aanbrengen",
        Route.TRANSDERMAL: "{much} op de huid plakken",
        Route.OPHTHALMIC: "{much} in het oog doen",
        Route.OTIC: "{much} in het oor doen",
        Route.NASAL: "{much} in de neus doen",
        Route.OTHER: "{much} gebruiken",
        **dict.fromkeys(INJECTED, "{much} injecteren"),
    },
    once="eenmalig",
    daily={
        "=1": "eenmaal per dag",
        "other": "{n} keer per dag",
    },
    at="om {hours}",
    every={
        "=1": "elk uur",
        "other": "om de {n} uur",
    },
    as_needed={
        "=1": "zo nodig, hoogstens eenmaal in 24 uur",
        "other": "zo nodig, hoogstens {n} keer in 24 uur",
    },
    lasting={
        "=1": "1 dag lang",
        "other": "{n} dagen lang",
    },
    forms=(
        "tablet",
        "capsule",
        "oplossing",
        "suspensie",
        "injectie",
        "infuus",
        "druppels",
        "inhalator",
        "pleister",
        "zetpil",
        "crème",
        "poeder",
        "overig",
    ),
    lots="Partij {lots}, te gebruiken tot en met {until}",
    dispensed="Afgeleverd {on} door {by}",
    quantity="Hoeveelheid",
    joint=", ",
)
