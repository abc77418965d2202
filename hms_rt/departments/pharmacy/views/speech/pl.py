"""What medicine labels say in Polish."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Przyjmować doustnie {much}",
        Route.SUBLINGUAL: "Rozpuszczać pod językiem {much}",
        Route.INHALED: "Wdychać {much}",
        Route.RECTAL: "Wprowadzać do odbytnicy {much}",
        Route.TOPICAL: "Nakładać na skórę {much}",
        Route.TRANSDERMAL: "Przyklejać na skórę {much}",
        Route.OPHTHALMIC: "Podawać do oka {much}",
        Route.OTIC: "Podawać do ucha {much}",
        Route.NASAL: "Podawać do nosa {much}",
        Route.OTHER: "Stosować {much}",
        **dict.fromkeys(INJECTED, "Wstrzykiwać {much}"),
    },
    once="jednorazowo",
    daily={
        "=1": "raz dziennie",
        "other": "{n} razy dziennie",
    },
    at="o godz. {hours}",
    every={
        "=1": "co godzinę",
        "few": "co {n} godziny",
        "many": "co {n} godzin",
        "other": "co {n} godziny",
    },
    as_needed={
        "=1": "w razie potrzeby, najwyżej raz w ciągu 24 godzin",
        "other": "w razie potrzeby, najwyżej {n} razy w ciągu 24 godzin",
    },
    lasting={
        "=1": "przez 1 dzień",
        "few": "przez {n} dni",
        "many": "przez {n} dni",
        "other": "przez {n} dnia",
    },
    forms=(
        "tabletka",
        "kapsułka",
        "roztwór",
        "zawiesina",
        "zastrzyk",
        "infuzja",
        "krople",
        "inhalator",
        "plaster",
        "czopek",
        "krem",
        "proszek",
        "inne",
    ),
    lots="Seria {lots}, zużyć do {until}",
    dispensed="Wydano {on}, wydający: {by}",
    quantity="Ilość",
    joint=", ",
)
