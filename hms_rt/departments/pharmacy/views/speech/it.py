"""What medicine labels say in Italian."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Assumere {much}",
        Route.SUBLINGUAL: "Lasciar sciogliere {much} sotto la lingua",
        Route.INHALED: "Inalare {much}",
        Route.RECTAL: "Inserire {much} nel retto",
        Route.TOPICAL: "Applicare {much} sulla pelle",
        Route.TRANSDERMAL: "Incollare {much} sulla pelle",
        Route.OPHTHALMIC: "Instillare {much} nell’occhio",
        Route.OTIC: "Instillare {much} nell’orecchio",
        Route.NASAL: "Instillare {much} nel naso",
        Route.OTHER: "Usare {much}",
        **dict.fromkeys(INJECTED, "Iniettare {much}"),
    },
    once="una sola volta",
    daily={
        "=1": "una volta al giorno",
        "other": "{n} volte al giorno",
    },
    at="alle ore {hours}",
    every={
        "=1": "ogni ora",
        "other": "ogni {n} ore",
    },
    as_needed={
        "=1": "al bisogno, al massimo una volta nelle 24 ore",
        "other": "al bisogno, al massimo {n} volte nelle 24 ore",
    },
    lasting={
        "=1": "per 1 giorno",
        "other": "per {n} giorni",
    },
    forms=(
        "compressa",
        "capsula",
        "soluzione",
        "sospensione",
        "iniezione",
        "infusione",
        "gocce",
        "inalatore",
        "cerotto",
        "supposta",
        "crema",
        "polvere",
        "altro",
    ),
    lots="Lotto {lots}, da usare entro il {until}",
    dispensed="Dispensato il {on} da {by}",
    quantity="Quantità",
)
