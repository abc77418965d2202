"""What medicine labels say in Turkish."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "{much} ağızdan alın",
        Route.SUBLINGUAL: "{much} dil altında eritin",
        Route.INHALED: "{much} soluyun",
        Route.RECTAL: "{much} makata uygulayın",
        Route.TOPICAL: "{much} cilde sürün",
        Route.TRANSDERMAL: "{much} cilde yapıştırın",
        Route.OPHTHALMIC: "{much} göze damlatın",
        Route.OTIC: "{much} kulağa damlatın",
        Route.NASAL: "{much} buruna uygulayın",
        Route.OTHER: "{much} kullanın",
        **dict.fromkeys(INJECTED, "{much} enjekte edin"),
    },
    once="yalnızca bir kez",
    daily={
        "=1": "günde bir kez",
        "other": "günde {n} kez",
    },
    at="saat {hours}",
    every={
        "=1": "saatte bir",
        "other": "{n} saatte bir",
    },
    as_needed={
        "=1": "gerektiğinde, 24 saatte en fazla bir kez",
        "other": "gerektiğinde, 24 saatte en fazla {n} kez",
    },
    lasting={
        "=1": "1 gün boyunca",
        "other": "{n} gün boyunca",
    },
    forms=(
        "tablet",
        "kapsül",
        "çözelti",
        "süspansiyon",
        "enjeksiyon",
        "infüzyon",
        "damla",
        "inhaler",
        "yama",
        "fitil",
        "krem",
        "toz",
        "diğer",
    ),
    lots="Seri {lots}, son kullanma {until}",
    dispensed="{on} tarihinde verildi: {by}",
    quantity="Miktar",
    joint=", ",
)
