"""What billing's papers say, by language; another language gets the English words."""

from collections.abc import Mapping

LANGUAGES = ("en", "de", "es", "fr", "nl")

_WORDS: Mapping[str, tuple[str, ...]] = {
    # titles
    "final": ("Invoice", "Rechnung", "Factura", "Facture", "Factuur"),
    "interim": (
        "Interim invoice",
        "Zwischenrechnung",
        "Factura parcial",
        "Facture intermédiaire",
        "Tussentijdse factuur",
    ),
    "supplement": (
        "Supplementary invoice",
        "Nachtragsrechnung",
        "Factura complementaria",
        "Facture complémentaire",
        "Aanvullende factuur",
    ),
    "payer": (
        "Invoice to the payer",
        "Rechnung an den Kostenträger",
        "Factura a la aseguradora",
        "Facture au tiers payant",
        "Factuur aan de verzekeraar",
    ),
    "credit_note": ("Credit note", "Gutschrift", "Nota de abono", "Avoir", "Creditnota"),
    "estimate": ("Estimate", "Kostenvoranschlag", "Presupuesto", "Devis", "Kostenraming"),
    "receipt": ("Receipt", "Quittung", "Recibo", "Reçu", "Kwitantie"),
    "refund": ("Refund", "Rückzahlung", "Reembolso", "Remboursement", "Terugbetaling"),
    "shift": (
        "Cashier's shift",
        "Kassenabrechnung",
        "Cierre de caja",
        "Clôture de caisse",
        "Kasafsluiting",
    ),
    "day": ("Day close", "Tagesabschluss", "Cierre del día", "Clôture du jour", "Dagafsluiting"),
    # stamps and notes
    "copy": ("COPY {number}", "KOPIE {number}", "COPIA {number}", "COPIE {number}", "KOPIE {number}"),
    "draft": (
        "DRAFT, not an invoice",
        "ENTWURF, keine Rechnung",
        "BORRADOR, no es factura",
        "BROUILLON, pas une facture",
        "CONCEPT, geen factuur",
    ),
    "void": ("VOID", "STORNIERT", "ANULADA", "ANNULÉE", "VERVALLEN"),
    "not_an_invoice": (
        "An estimate of what is planned: what is done may differ, and is what will be charged.",
        "Schätzung des Geplanten: Verrechnet wird, was tatsächlich geleistet wird.",
        "Estimación de lo previsto: se cobrará lo que se realice.",
        "Estimation de ce qui est prévu : ce qui sera réalisé sera facturé.",
        "Raming van wat gepland is: wat verricht wordt, wordt gefactureerd.",
    ),
    "in_currency": (
        "All amounts in {currency}.",
        "Alle Beträge in {currency}.",
        "Todos los importes en {currency}.",
        "Tous les montants en {currency}.",
        "Alle bedragen in {currency}.",
    ),
    "page": (
        "Page {page} of {pages}",
        "Seite {page} von {pages}",
        "Página {page} de {pages}",
        "Page {page} sur {pages}",
        "Pagina {page} van {pages}",
    ),
    # facts
    "number": ("Number", "Nummer", "Número", "Numéro", "Nummer"),
    "date": ("Date", "Datum", "Fecha", "Date", "Datum"),
    "patient": ("Patient", "Patient", "Paciente", "Patient", "Patiënt"),
    "mrn": ("Record number", "Patientennummer", "Historia clínica", "Numéro de dossier", "Dossiernummer"),
    "born": ("Born", "Geboren", "Nacimiento", "Né(e) le", "Geboren"),
    "payers": ("Payer", "Kostenträger", "Pagador", "Payeur", "Betaler"),
    "policy": ("Policy", "Versicherungsnummer", "Póliza", "Police", "Polis"),
    "of_invoice": ("Of invoice", "Zur Rechnung", "De la factura", "De la facture", "Bij factuur"),
    "valid_until": ("Valid until", "Gültig bis", "Válido hasta", "Valable jusqu'au", "Geldig tot"),
    "tax_number": ("Tax number", "UID-Nummer", "NIF", "N° TVA", "Btw-nummer"),
    "counter": ("Counter", "Schalter", "Ventanilla", "Guichet", "Loket"),
    "cashier": ("Cashier", "Kassier", "Cajero", "Caissier", "Kassier"),
    "opened": ("Opened", "Geöffnet", "Apertura", "Ouverte", "Geopend"),
    "shifts": ("Shifts", "Schichten", "Turnos", "Services", "Diensten"),
    "closed": ("Closed", "Geschlossen", "Cierre", "Close", "Gesloten"),
    "reason": ("Reason", "Grund", "Motivo", "Motif", "Reden"),
    "means": ("Means", "Zahlungsart", "Medio de pago", "Moyen", "Betaalwijze"),
    "reference": ("Reference", "Referenz", "Referencia", "Référence", "Kenmerk"),
    "of_receipt": ("Of receipt", "Zur Quittung", "Del recibo", "Du reçu", "Bij kwitantie"),
    "asked_by": ("Asked for by", "Beantragt von", "Solicitado por", "Demandé par", "Aangevraagd door"),
    "approved_by": ("Approved by", "Genehmigt von", "Aprobado por", "Approuvé par", "Goedgekeurd door"),
    # before what is taken off a charge
    "discount": ("Discount", "Rabatt", "Descuento", "Remise", "Korting"),
    "included": ("In the package", "Im Paket", "En el paquete", "Dans le forfait", "In het pakket"),
    # columns
    "service": ("Service", "Leistung", "Servicio", "Prestation", "Prestatie"),
    "quantity": ("Qty", "Menge", "Cant.", "Qté", "Aantal"),
    "unit_price": ("Unit, net", "Einzeln, netto", "Precio neto", "Prix net", "Stuk, netto"),
    "tax_rate": ("Tax", "USt.", "IVA", "TVA", "Btw"),
    "amount": ("Amount", "Betrag", "Importe", "Montant", "Bedrag"),
    "net": ("Net", "Netto", "Neto", "Net", "Netto"),
    "tax": ("Tax", "Steuer", "Impuesto", "Taxe", "Belasting"),
    "gross": ("Gross", "Brutto", "Bruto", "Brut", "Bruto"),
    "share": ("Payer's share", "Anteil Kostenträger", "Parte pagador", "Part payeur", "Deel betaler"),
    "own_share": ("Patient's share", "Anteil Patient", "Parte paciente", "Part patient", "Deel patiënt"),
    "by_rate": (
        "Tax by rate",
        "Steuer nach Sätzen",
        "Impuestos por tipo",
        "Taxes par taux",
        "Belasting per tarief",
    ),
    "by_means": (
        "By means of payment",
        "Nach Zahlungsart",
        "Por medio de pago",
        "Par moyen de paiement",
        "Per betaalwijze",
    ),
    # sums
    "total": ("Total", "Summe", "Total", "Total", "Totaal"),
    "paid": ("Paid", "Bezahlt", "Pagado", "Payé", "Betaald"),
    "credited": ("Credited", "Gutgeschrieben", "Abonado", "Crédité", "Gecrediteerd"),
    "due": ("To pay", "Zu zahlen", "A pagar", "À payer", "Te betalen"),
    "for_invoices": ("For invoices", "Für Rechnungen", "Para facturas", "Pour factures", "Voor facturen"),
    "deposit": ("Deposit", "Guthaben", "Depósito", "Acompte", "Voorschot"),
    "received": ("Received", "Erhalten", "Recibido", "Reçu", "Ontvangen"),
    "given_back": ("Given back", "Zurückgezahlt", "Devuelto", "Rendu", "Terugbetaald"),
    "opening": ("In the drawer before", "Anfangsbestand", "Saldo inicial", "Fond de caisse", "Beginsaldo"),
    "expected": ("Should be there", "Sollbestand", "Saldo previsto", "Solde attendu", "Verwacht"),
    "counted": ("Counted", "Gezählt", "Contado", "Compté", "Geteld"),
    "difference": ("Difference", "Differenz", "Diferencia", "Écart", "Verschil"),
    # means
    "cash": ("Cash", "Bar", "Efectivo", "Espèces", "Contant"),
    "card": ("Card", "Karte", "Tarjeta", "Carte", "Kaart"),
    "transfer": ("Transfer", "Überweisung", "Transferencia", "Virement", "Overboeking"),
    "cheque": ("Cheque", "Scheck", "Cheque", "Chèque", "Cheque"),
    "mobile": ("Mobile", "Mobil", "Móvil", "Mobile", "Mobiel"),
    "state_requested": ("Not decided", "Nicht entschieden", "Sin decidir", "Non décidé", "Niet beslist"),
    "state_declined": ("DECLINED", "ABGELEHNT", "RECHAZADO", "REFUSÉ", "AFGEWEZEN"),
    "signed": ("Signature", "Unterschrift", "Firma", "Signature", "Handtekening"),
}


def words(language: str) -> Mapping[str, str]:
    """Every word in a language, English if it has none."""
    place = LANGUAGES.index(language) if language in LANGUAGES else 0
    return {name: known[place] for name, known in _WORDS.items()}
