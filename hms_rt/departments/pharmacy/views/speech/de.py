"""What medicine labels say in German."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "{much} einnehmen",
        Route.SUBLINGUAL: "{much} unter der Zunge zergehen lassen",
        Route.INHALED: "{much} einatmen",
        Route.RECTAL: "{much} in den Enddarm einführen",
        Route.TOPICAL: "{much} auf die Haut auftragen",
        Route.TRANSDERMAL: "{much} auf die Haut kleben",
        Route.OPHTHALMIC: "{much} in das Auge geben",
        Route.OTIC: "{much} in das Ohr geben",
        Route.NASAL: "{much} in die Nase geben",
        Route.OTHER: "{much} anwenden",
        **dict.fromkeys(INJECTED, "{much} injizieren"),
    },
    once="einmalig",
    daily={
        "=1": "einmal täglich",
        "other": "{n}-mal täglich",
    },
    at="um {hours}",
    every={
        "=1": "jede Stunde",
        "other": "alle {n} Stunden",
    },
    as_needed={
        "=1": "bei Bedarf, höchstens einmal in 24 Stunden",
        "other": "bei Bedarf, höchstens {n}-mal in 24 Stunden",
    },
    lasting={
        "=1": "1 Tag lang",
        "other": "{n} Tage lang",
    },
    forms=(
        "Tablette",
        "Kapsel",
        "Lösung",
        "Suspension",
        "Injektion",
        "Infusion",
        "Tropfen",
        "Inhalator",
        "Pflaster",
        "Zäpfchen",
        "Creme",
        "Pulver",
        "Sonstiges",
    ),
    lots="Charge {lots}, verwendbar bis {until}",
    dispensed="Abgegeben {on} von {by}",
    quantity="Menge",
    joint=", ",
)
