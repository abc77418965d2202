"""What medicine labels say in French."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Prendre {much}",
        Route.SUBLINGUAL: "Laisser fondre {much} sous la langue",
        Route.INHALED: "Inhaler {much}",
        Route.RECTAL: "Introduire {much} dans le rectum",
        Route.TOPICAL: "Appliquer {much} sur la peau",
        Route.TRANSDERMAL: "Coller {much} sur la peau",
        Route.OPHTHALMIC: "Mettre {much} dans l’œil",
        Route.OTIC: "Mettre {much} dans l’oreille",
        Route.NASAL: "Mettre {much} dans le nez",
        Route.OTHER: "Utiliser {much}",
        **dict.fromkeys(INJECTED, "Injecter {much}"),
    },
    once="une seule fois",
    daily={
        "=1": "une fois par jour",
        "other": "{n} fois par jour",
    },
    at="à {hours}",
    every={
        "=1": "toutes les heures",
        "other": "toutes les {n} heures",
    },
    as_needed={
        "=1": "si besoin, au plus une fois en 24 heures",
        "other": "si besoin, au plus {n} fois en 24 heures",
    },
    lasting={
        "=1": "pendant 1 jour",
        "other": "pendant {n} jours",
    },
    forms=(
        "comprimé",
        "gélule",
        "solution",
        "suspension",
        "injection",
        "perfusion",
        "gouttes",
        "inhalateur",
        "patch",
        "suppositoire",
        "crème",
        "poudre",
        "autre",
    ),
    lots="Lot {lots}, à utiliser avant fin {until}",
    dispensed="Délivré {on} par {by}",
    quantity="Quantité",
)
