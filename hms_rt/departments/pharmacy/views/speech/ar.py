"""What medicine labels say in Arabic."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "تناول {much}",
        Route.SUBLINGUAL: "اترك {much} يذوب تحت اللسان",
        Route.INHALED: "استنشق {much}",
        Route.RECTAL: "أدخل {much} في المستقيم",
        Route.TOPICAL: "ضع {much} على الجلد",
        Route.TRANSDERMAL: "ألصق {much} على الجلد",
        Route.OPHTHALMIC: "ضع {much} في العين",
        Route.OTIC: "ضع {much} في الأذن",
        Route.NASAL: "ضع {much} في الأنف",
        Route.OTHER: "استعمل {much}",
        **dict.fromkeys(INJECTED, "احقن {much}"),
    },
    once="مرة واحدة فقط",
    daily={
        "=1": "مرة واحدة يومياً",
        "two": "مرتين يومياً",
        "few": "{n} مرات يومياً",
        "other": "{n} مرة يومياً",
    },
    at="الساعة {hours}",
    every={
        "=1": "كل ساعة",
        "two": "كل ساعتين",
        "few": "كل {n} ساعات",
        "other": "كل {n} ساعة",
    },
    as_needed={
        "=1": "عند اللزوم، مرة واحدة على الأكثر خلال 24 ساعة",
        "two": "عند اللزوم، مرتين على الأكثر خلال 24 ساعة",
        "few": "عند اللزوم، {n} مرات على الأكثر خلال 24 ساعة",
        "other": "عند اللزوم، {n} مرة على الأكثر خلال 24 ساعة",
    },
    lasting={
        "=1": "لمدة يوم واحد",
        "two": "لمدة يومين",
        "few": "لمدة {n} أيام",
        "many": "لمدة {n} يوماً",
        "other": "لمدة {n} يوم",
    },
    forms=(
        "أقراص",
        "كبسولات",
        "محلول",
        "معلق",
        "حقن",
        "تسريب وريدي",
        "قطرة",
        "بخاخ استنشاق",
        "لصقة",
        "تحاميل",
        "كريم",
        "مسحوق",
        "أخرى",
    ),
    lots="التشغيلة {lots}، يُستعمل حتى {until}",
    dispensed="صُرف بتاريخ {on}، الصارف: {by}",
    quantity="الكمية",
    joint="، ",
)
