"""The words of every phrase in every language that labels and announcements have. Pure.

A hospital's own words stand in the slots: names of tests, codes of beds, wards and groups.
"""

from collections.abc import Mapping

from hms_rt.departments.notifications.model.wording import FALLBACK, Phrase, Wording

LANGUAGES = ("en", "de", "es", "fr", "nl", "it", "pt", "pl", "tr", "ru", "uk", "ar")

_P = Phrase

# fmt: off
_TEXTS: Mapping[Phrase, tuple[str, ...]] = {
    _P.CRITICAL_LOW: (
        "Critical result: {test} (low)", "Kritischer Wert: {test} (niedrig)", "Resultado crítico: {test} (bajo)",
        "Résultat critique : {test} (bas)", "Kritieke uitslag: {test} (laag)", "Risultato critico: {test} (basso)",
        "Resultado crítico: {test} (baixo)", "Wynik krytyczny: {test} (niski)", "Kritik sonuç: {test} (düşük)",
        "Критический результат: {test} (низкий)", "Критичний результат: {test} (низький)", "نتيجة حرجة: {test} (منخفضة)",
    ),
    _P.CRITICAL_HIGH: (
        "Critical result: {test} (high)", "Kritischer Wert: {test} (hoch)", "Resultado crítico: {test} (alto)",
        "Résultat critique : {test} (haut)", "Kritieke uitslag: {test} (hoog)", "Risultato critico: {test} (alto)",
        "Resultado crítico: {test} (alto)", "Wynik krytyczny: {test} (wysoki)", "Kritik sonuç: {test} (yüksek)",
        "Критический результат: {test} (высокий)", "Критичний результат: {test} (високий)", "نتيجة حرجة: {test} (مرتفعة)",
    ),
    _P.CRITICAL_LOW_AGAIN: (
        "Critical result: {test} (low), not acknowledged", "Kritischer Wert: {test} (niedrig), nicht bestätigt",
        "Resultado crítico: {test} (bajo), sin confirmar", "Résultat critique : {test} (bas), non confirmé",
        "Kritieke uitslag: {test} (laag), niet bevestigd", "Risultato critico: {test} (basso), non confermato",
        "Resultado crítico: {test} (baixo), não confirmado", "Wynik krytyczny: {test} (niski), niepotwierdzony",
        "Kritik sonuç: {test} (düşük), onaylanmadı", "Критический результат: {test} (низкий), не подтверждён",
        "Критичний результат: {test} (низький), не підтверджено", "نتيجة حرجة: {test} (منخفضة)، لم يتم تأكيدها",
    ),
    _P.CRITICAL_HIGH_AGAIN: (
        "Critical result: {test} (high), not acknowledged", "Kritischer Wert: {test} (hoch), nicht bestätigt",
        "Resultado crítico: {test} (alto), sin confirmar", "Résultat critique : {test} (haut), non confirmé",
        "Kritieke uitslag: {test} (hoog), niet bevestigd", "Risultato critico: {test} (alto), non confermato",
        "Resultado crítico: {test} (alto), não confirmado", "Wynik krytyczny: {test} (wysoki), niepotwierdzony",
        "Kritik sonuç: {test} (yüksek), onaylanmadı", "Критический результат: {test} (высокий), не подтверждён",
        "Критичний результат: {test} (високий), не підтверджено", "نتيجة حرجة: {test} (مرتفعة)، لم يتم تأكيدها",
    ),
    _P.CRITICAL_WITHDRAWN: (
        "Critical result withdrawn: {test} was measured again", "Kritischer Wert zurückgenommen: {test} wurde neu gemessen",
        "Resultado crítico retirado: {test} se midió de nuevo", "Résultat critique retiré : {test} a été mesuré à nouveau",
        "Kritieke uitslag ingetrokken: {test} is opnieuw gemeten", "Risultato critico ritirato: {test} è stato rimisurato",
        "Resultado crítico retirado: {test} foi medido de novo", "Wynik krytyczny wycofany: {test} zmierzono ponownie",
        "Kritik sonuç geri çekildi: {test} yeniden ölçüldü", "Критический результат отозван: {test} измерен заново",
        "Критичний результат відкликано: {test} виміряно знову", "سُحبت النتيجة الحرجة: أعيد قياس {test}",
    ),
    _P.CRITICAL_ACKNOWLEDGED: (
        "Critical result acknowledged: {test}", "Kritischer Wert bestätigt: {test}", "Resultado crítico confirmado: {test}",
        "Résultat critique confirmé : {test}", "Kritieke uitslag bevestigd: {test}", "Risultato critico confermato: {test}",
        "Resultado crítico confirmado: {test}", "Wynik krytyczny potwierdzony: {test}", "Kritik sonuç onaylandı: {test}",
        "Критический результат подтверждён: {test}", "Критичний результат підтверджено: {test}", "تم تأكيد النتيجة الحرجة: {test}",
    ),
    _P.RESULT_CORRECTED: (
        "Result corrected: {test}", "Befund korrigiert: {test}", "Resultado corregido: {test}", "Résultat corrigé : {test}",
        "Uitslag gecorrigeerd: {test}", "Risultato corretto: {test}", "Resultado corrigido: {test}", "Wynik poprawiony: {test}",
        "Sonuç düzeltildi: {test}", "Результат исправлен: {test}", "Результат виправлено: {test}", "تم تصحيح النتيجة: {test}",
    ),
    _P.SPECIMEN_REJECTED: (
        "Specimen {barcode} rejected, collect again", "Probe {barcode} abgelehnt, neu entnehmen",
        "Muestra {barcode} rechazada, tome otra", "Échantillon {barcode} refusé, prélever à nouveau",
        "Monster {barcode} afgekeurd, opnieuw afnemen", "Campione {barcode} rifiutato, prelevare di nuovo",
        "Amostra {barcode} rejeitada, colher de novo", "Próbka {barcode} odrzucona, pobrać ponownie",
        "{barcode} numunesi reddedildi, yeniden alın", "Проба {barcode} отклонена, взять заново",
        "Зразок {barcode} відхилено, взяти знову", "رُفضت العينة {barcode}، خذ عينة أخرى",
    ),
    _P.REVIEW_DUE_ALONE: (
        "Review due: {test}, released alone at night", "Prüfung fällig: {test}, nachts allein freigegeben",
        "Revisión pendiente: {test}, validado a solas de noche", "Relecture à faire : {test}, validé seul la nuit",
        "Controle nodig: {test}, 's nachts alleen vrijgegeven", "Revisione da fare: {test}, rilasciato da soli di notte",
        "Revisão pendente: {test}, liberado a sós à noite", "Do sprawdzenia: {test}, zwolniono samodzielnie w nocy",
        "İnceleme bekliyor: {test}, gece tek kişiyle onaylandı", "Нужна проверка: {test}, выдан одним ночью",
        "Потрібна перевірка: {test}, видано одним уночі", "مراجعة مطلوبة: {test}، صدرت ليلًا من شخص واحد",
    ),
    _P.REVIEW_DUE_CORRECTED: (
        "Review due: {test}, corrected by one person", "Prüfung fällig: {test}, von einer Person korrigiert",
        "Revisión pendiente: {test}, corregido por una persona", "Relecture à faire : {test}, corrigé par une personne",
        "Controle nodig: {test}, door één persoon gecorrigeerd", "Revisione da fare: {test}, corretto da una persona",
        "Revisão pendente: {test}, corrigido por uma pessoa", "Do sprawdzenia: {test}, poprawione przez jedną osobę",
        "İnceleme bekliyor: {test}, tek kişi düzeltti", "Нужна проверка: {test}, исправлен одним человеком",
        "Потрібна перевірка: {test}, виправлено однією особою", "مراجعة مطلوبة: {test}، صححها شخص واحد",
    ),
    _P.REVIEW_OVERDUE_ALONE: (
        "Review overdue: {test}, released alone at night", "Prüfung überfällig: {test}, nachts allein freigegeben",
        "Revisión atrasada: {test}, validado a solas de noche", "Relecture en retard : {test}, validé seul la nuit",
        "Controle te laat: {test}, 's nachts alleen vrijgegeven", "Revisione in ritardo: {test}, rilasciato da soli di notte",
        "Revisão atrasada: {test}, liberado a sós à noite", "Sprawdzenie spóźnione: {test}, zwolniono samodzielnie w nocy",
        "İnceleme gecikti: {test}, gece tek kişiyle onaylandı", "Проверка просрочена: {test}, выдан одним ночью",
        "Перевірку прострочено: {test}, видано одним уночі", "مراجعة متأخرة: {test}، صدرت ليلًا من شخص واحد",
    ),
    _P.REVIEW_OVERDUE_CORRECTED: (
        "Review overdue: {test}, corrected by one person", "Prüfung überfällig: {test}, von einer Person korrigiert",
        "Revisión atrasada: {test}, corregido por una persona", "Relecture en retard : {test}, corrigé par une personne",
        "Controle te laat: {test}, door één persoon gecorrigeerd", "Revisione in ritardo: {test}, corretto da una persona",
        "Revisão atrasada: {test}, corrigido por uma pessoa", "Sprawdzenie spóźnione: {test}, poprawione przez jedną osobę",
        "İnceleme gecikti: {test}, tek kişi düzeltti", "Проверка просрочена: {test}, исправлен одним человеком",
        "Перевірку прострочено: {test}, виправлено однією особою", "مراجعة متأخرة: {test}، صححها شخص واحد",
    ),
    _P.CLEANING_OVERDUE: (
        "Bed {bed} of ward {ward} waits for cleaning since {minutes} minutes",
        "Bett {bed} der Station {ward} wartet seit {minutes} Minuten auf Reinigung",
        "La cama {bed} de la planta {ward} espera limpieza desde hace {minutes} minutos",
        "Le lit {bed} du service {ward} attend le nettoyage depuis {minutes} minutes",
        "Bed {bed} van afdeling {ward} wacht al {minutes} minuten op schoonmaak",
        "Il letto {bed} del reparto {ward} attende la pulizia da {minutes} minuti",
        "O leito {bed} da ala {ward} espera limpeza há {minutes} minutos",
        "Łóżko {bed} oddziału {ward} czeka na sprzątanie od {minutes} minut",
        "{ward} servisinin {bed} yatağı {minutes} dakikadır temizlik bekliyor",
        "Койка {bed} отделения {ward} ждёт уборки {minutes} мин.", "Ліжко {bed} відділення {ward} чекає прибирання {minutes} хв.",
        "السرير {bed} في الجناح {ward} ينتظر التنظيف منذ {minutes} دقيقة",
    ),
    _P.TIMER_FAILED: (
        "A timer failed for good: {kind}", "Ein Zeitgeber ist endgültig gescheitert: {kind}",
        "Un temporizador falló definitivamente: {kind}", "Une minuterie a échoué définitivement : {kind}",
        "Een timer is definitief mislukt: {kind}", "Un timer è fallito definitivamente: {kind}",
        "Um temporizador falhou de vez: {kind}", "Zadanie czasowe ostatecznie zawiodło: {kind}",
        "Bir zamanlayıcı tamamen başarısız oldu: {kind}", "Таймер окончательно не сработал: {kind}",
        "Таймер остаточно не спрацював: {kind}", "فشل المؤقت نهائيًا: {kind}",
    ),
    _P.GLASS_RESTRICTED: (
        "A restricted record was opened by breaking the glass", "Eine gesperrte Akte wurde per Notfallzugriff geöffnet",
        "Se abrió una historia restringida por acceso de emergencia", "Un dossier restreint a été ouvert par accès d'urgence",
        "Een afgeschermd dossier is via noodtoegang geopend", "Una cartella riservata è stata aperta con accesso d'emergenza",
        "Um processo restrito foi aberto por acesso de emergência", "Zastrzeżoną kartę otwarto w trybie awaryjnym",
        "Kısıtlı bir kayıt acil erişimle açıldı", "Закрытая карта открыта экстренным доступом",
        "Закриту картку відкрито екстреним доступом", "فُتح ملف مقيّد بالوصول الطارئ",
    ),
    _P.GLASS_ELSEWHERE: (
        "A record of other wards or clinics was opened by breaking the glass",
        "Eine Akte anderer Stationen oder Ambulanzen wurde per Notfallzugriff geöffnet",
        "Se abrió una historia de otras plantas o consultas por acceso de emergencia",
        "Un dossier d'autres services a été ouvert par accès d'urgence",
        "Een dossier van andere afdelingen is via noodtoegang geopend",
        "Una cartella di altri reparti è stata aperta con accesso d'emergenza",
        "Um processo de outras alas foi aberto por acesso de emergência", "Kartę innych oddziałów otwarto w trybie awaryjnym",
        "Başka servislere ait bir kayıt acil erişimle açıldı", "Карта другого отделения открыта экстренным доступом",
        "Картку іншого відділення відкрито екстреним доступом", "فُتح ملف من أجنحة أخرى بالوصول الطارئ",
    ),
    _P.GROUP_LEFT: (
        "You left the on-call group {group}", "Sie gehören nicht mehr zur Dienstgruppe {group}",
        "Ya no está en el grupo de guardia {group}", "Vous avez quitté le groupe d'astreinte {group}",
        "U zit niet meer in dienstgroep {group}", "Non è più nel gruppo di reperibilità {group}",
        "Já não está no grupo de plantão {group}", "Nie należy już Pan/Pani do grupy dyżurowej {group}",
        "{group} nöbet grubundan ayrıldınız", "Вы больше не в дежурной группе {group}",
        "Ви більше не в черговій групі {group}", "لم تعد في مجموعة المناوبة {group}",
    ),
    _P.ROTA_JOINED: (
        "You are on the rota of on-call group {group}", "Sie stehen im Dienstplan der Gruppe {group}",
        "Está en el turno del grupo de guardia {group}", "Vous êtes au planning du groupe d'astreinte {group}",
        "U staat in het rooster van dienstgroep {group}", "È nei turni del gruppo di reperibilità {group}",
        "Está na escala do grupo de plantão {group}", "Jest Pan/Pani w grafiku grupy dyżurowej {group}",
        "{group} nöbet grubunun çizelgesindesiniz", "Вы в графике дежурной группы {group}",
        "Ви в графіку чергової групи {group}", "أنت في جدول مجموعة المناوبة {group}",
    ),
    _P.ROTA_ENDED: (
        "The rota of on-call group {group} ended", "Der Dienstplan der Gruppe {group} ist beendet",
        "Terminó el turno del grupo de guardia {group}", "Le planning du groupe d'astreinte {group} a pris fin",
        "Het rooster van dienstgroep {group} is beëindigd", "I turni del gruppo di reperibilità {group} sono finiti",
        "A escala do grupo de plantão {group} terminou", "Grafik grupy dyżurowej {group} zakończony",
        "{group} nöbet grubunun çizelgesi sona erdi", "График дежурной группы {group} завершён",
        "Графік чергової групи {group} завершено", "انتهى جدول مجموعة المناوبة {group}",
    ),
    _P.SHIFT_GIVEN: (
        "You have a shift of on-call group {group}", "Sie haben einen Dienst der Gruppe {group}",
        "Tiene un turno del grupo de guardia {group}", "Vous avez une garde du groupe d'astreinte {group}",
        "U hebt een dienst van dienstgroep {group}", "Ha un turno del gruppo di reperibilità {group}",
        "Tem um turno do grupo de plantão {group}", "Ma Pan/Pani dyżur grupy {group}",
        "{group} nöbet grubunda nöbetiniz var", "У вас дежурство группы {group}",
        "У вас чергування групи {group}", "لديك مناوبة في المجموعة {group}",
    ),
    _P.SHIFT_CANCELLED: (
        "A shift of on-call group {group} was cancelled", "Ein Dienst der Gruppe {group} wurde abgesagt",
        "Se canceló un turno del grupo de guardia {group}", "Une garde du groupe d'astreinte {group} a été annulée",
        "Een dienst van dienstgroep {group} is geannuleerd", "Un turno del gruppo di reperibilità {group} è annullato",
        "Um turno do grupo de plantão {group} foi cancelado", "Dyżur grupy {group} odwołano",
        "{group} nöbet grubunun bir nöbeti iptal edildi", "Дежурство группы {group} отменено",
        "Чергування групи {group} скасовано", "أُلغيت مناوبة في المجموعة {group}",
    ),
    _P.SHIFT_COVERED: (
        "On-call group {group}: a shift is covered", "Dienstgruppe {group}: ein Dienst wird vertreten",
        "Grupo de guardia {group}: un turno está cubierto", "Groupe d'astreinte {group} : une garde est remplacée",
        "Dienstgroep {group}: een dienst wordt waargenomen", "Gruppo di reperibilità {group}: un turno è coperto",
        "Grupo de plantão {group}: um turno está coberto", "Grupa dyżurowa {group}: dyżur ma zastępstwo",
        "{group} nöbet grubu: bir nöbet devralındı", "Дежурная группа {group}: есть замена на дежурство",
        "Чергова група {group}: є заміна на чергування", "مجموعة المناوبة {group}: تمت تغطية مناوبة",
    ),
    _P.COVER_CANCELLED: (
        "On-call group {group}: a cover was cancelled", "Dienstgruppe {group}: eine Vertretung wurde abgesagt",
        "Grupo de guardia {group}: se canceló una suplencia", "Groupe d'astreinte {group} : un remplacement est annulé",
        "Dienstgroep {group}: een waarneming is geannuleerd", "Gruppo di reperibilità {group}: una sostituzione è annullata",
        "Grupo de plantão {group}: uma substituição foi cancelada", "Grupa dyżurowa {group}: zastępstwo odwołano",
        "{group} nöbet grubu: bir devir iptal edildi", "Дежурная группа {group}: замена отменена",
        "Чергова група {group}: заміну скасовано", "مجموعة المناوبة {group}: أُلغيت تغطية",
    ),
    _P.ON_CALL_GAP: (
        "Nobody is on call for {group} from {begins} to {ends}", "Niemand hat Dienst für {group} von {begins} bis {ends}",
        "Nadie está de guardia en {group} del {begins} al {ends}", "Personne n'est d'astreinte pour {group} du {begins} au {ends}",
        "Niemand heeft dienst voor {group} van {begins} tot {ends}", "Nessuno è reperibile per {group} dal {begins} al {ends}",
        "Ninguém está de plantão em {group} de {begins} a {ends}", "Nikt nie ma dyżuru w {group} od {begins} do {ends}",
        "{group} için {begins} ile {ends} arasında nöbetçi yok", "Никто не дежурит в {group} с {begins} до {ends}",
        "Ніхто не чергує в {group} з {begins} до {ends}", "لا مناوب في {group} من {begins} إلى {ends}",
    ),
}
# fmt: on
"""Phrase -> its words, in the order of ``LANGUAGES``."""


def spoken(wanted: str | None, facility: str) -> str:
    """The language for somebody who wants ``wanted``: that, or the hospital's, or English; one that is had."""
    return next(one for one in (wanted, facility, FALLBACK) if one in LANGUAGES)


def words(wording: Wording, language: str) -> str:
    """What ``wording`` says in ``language``, which is one of ``LANGUAGES``."""
    return _TEXTS[wording.phrase][LANGUAGES.index(language)].format_map(wording.slots)
