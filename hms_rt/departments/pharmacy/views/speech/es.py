"""What medicine labels say in Spanish."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Tomar {much}",
        Route.SUBLINGUAL: "Dejar disolver {much} bajo la lengua",
        Route.INHALED: "Inhalar {much}",
        Route.RECTAL: "Introducir {much} en el recto",
        Route.TOPICAL: "Aplicar {much} en la piel",
        Route.TRANSDERMAL: "Pegar {much} en la piel",
        Route.OPHTHALMIC: "Poner {much} en el ojo",
        Route.OTIC: "Poner {much} en el oído",
        Route.NASAL: "Poner {much} en la nariz",
        Route.OTHER: "Usar {much}",
        **dict.fromkeys(INJECTED, "Inyectar {much}"),
    },
    once="una sola vez",
    daily={
        "=1": "una vez al día",
        "other": "{n} veces al día",
    },
    at="a las {hours}",
    every={
        "=1": "cada hora",
        "other": "cada {n} horas",
    },
    as_needed={
        "=1": "si es necesario, como máximo una vez en 24 horas",
        "other": "si es necesario, como máximo {n} veces en 24 horas",
    },
    lasting={
        "=1": "durante 1 día",
        "other": "durante {n} días",
    },
    forms=(
        "comprimido",
        "cápsula",
        "solución",
        "suspensión",
        "inyección",
        "infusión",
        "gotas",
        "inhalador",
        "parche",
        "supositorio",
        "crema",
        "polvo",
        "otro",
    ),
    lots="Lote {lots}, usar hasta {until}",
    dispensed="Dispensado {on} por {by}",
    quantity="Cantidad",
)
