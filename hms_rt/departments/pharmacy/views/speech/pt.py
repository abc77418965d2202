"""What medicine labels say in Portuguese."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Tomar {much}",
        Route.SUBLINGUAL: "Deixar dissolver {much} debaixo da língua",
        Route.INHALED: "Inalar {much}",
        Route.RECTAL: "Introduzir {much} no reto",
        Route.TOPICAL: "Aplicar {much} na pele",
        Route.TRANSDERMAL: "Colar {much} na pele",
        Route.OPHTHALMIC: "Aplicar {much} no olho",
        Route.OTIC: "Aplicar {much} no ouvido",
        Route.NASAL: "Aplicar {much} no nariz",
        Route.OTHER: "Usar {much}",
        **dict.fromkeys(INJECTED, "Injetar {much}"),
    },
    once="uma única vez",
    daily={
        "=1": "uma vez por dia",
        "other": "{n} vezes por dia",
    },
    at="às {hours}",
    every={
        "=1": "a cada hora",
        "other": "a cada {n} horas",
    },
    as_needed={
        "=1": "se necessário, no máximo uma vez em 24 horas",
        "other": "se necessário, no máximo {n} vezes em 24 horas",
    },
    lasting={
        "=1": "durante 1 dia",
        "other": "durante {n} dias",
    },
    forms=(
        "comprimido",
        "cápsula",
        "solução",
        "suspensão",
        "injeção",
        "infusão",
        "gotas",
        "inalador",
        "adesivo",
        "supositório",
        "creme",
        "pó",
        "outro",
    ),
    lots="Lote {lots}, usar até {until}",
    dispensed="Dispensado em {on} por {by}",
    quantity="Quantidade",
)
