//! Words before a number that say what it is, in the languages that customers write.

use crate::normalized::NormalizedText;

/// How far back such a word may be.
const REACH: usize = 40;

/// Hints that a field's name gives about its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FieldHint {
    pub(crate) is_phone: bool,
    pub(crate) is_card: bool,
    pub(crate) is_ssn: bool,
}

impl FieldHint {
    /// The hint of a key in metadata or in a tool's arguments.
    pub(crate) fn from_name(name: &str) -> FieldHint {
        let name = name.to_lowercase();
        let is_whole = |short: &str| name.split(|c: char| !c.is_alphanumeric()).any(|part| part == short);
        FieldHint {
            is_phone: contains(&name, PHONE) || ["tel", "cell", "msisdn", "caller"].into_iter().any(is_whole),
            is_card: (contains(&name, CARD) && !name.contains("discard")) || is_whole("pan"),
            is_ssn: contains(&name, SSN),
        }
    }
}

fn contains(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

pub(crate) fn is_phone(text: &NormalizedText, at: usize) -> bool {
    let before = text.before_lowercase(at, REACH);
    let verbs = [
        " call ",
        "call me",
        "text me",
        "rufen sie",
        "ruf mich",
        "appelez",
        "rappelez",
        "llám",
        "llame",
        "chiam",
        "ligue",
    ];
    (contains(&before, PHONE) || verbs.iter().any(|verb| before.contains(verb))) && !is_other_number(&before)
}

pub(crate) fn is_card(text: &NormalizedText, at: usize) -> bool {
    contains(&text.before_lowercase(at, REACH), CARD)
}

pub(crate) fn is_ssn(text: &NormalizedText, at: usize) -> bool {
    contains(&text.before_lowercase(at, REACH), SSN)
}

/// Whether the words just before say that it is the number of a thing: an order, an invoice, a parcel.
pub(crate) fn is_thing(text: &NormalizedText, at: usize) -> bool {
    is_other_number(&text.before_lowercase(at, 26))
}

/// Whether the last word that says what the number is names a thing.
fn is_other_number(before: &str) -> bool {
    let last = |words: &[&str]| words.iter().filter_map(|word| before.rfind(word)).max();
    last(THING).is_some_and(|thing| last(PHONE).max(last(CARD)).is_none_or(|person| person < thing))
}

const PHONE: &[&str] = &[
    "phone",
    "mobile",
    "whatsapp",
    "contact number",
    "callback",
    "call me at",
    "reach me",
    "number to call",
    "tel.",
    "tel:",
    "tel ",
    "fax",
    "telefon",
    "handy",
    "rückruf",
    "mobil",
    "erreichbar",
    "téléphone",
    "telephone",
    "portable",
    "joindre",
    "teléfono",
    "telefono",
    "móvil",
    "celular",
    "cellulare",
    "telefone",
    "telemóvel",
    "contato",
    "numéro de tél",
    "telefoon",
    "komórk",
    "telefón",
    "телефон",
    "電話",
    "電话",
    "电话",
    "手机",
    "手機",
    "携帯",
    "전화",
    "휴대폰",
    "هاتف",
    "جوال",
    "फोन",
    "फ़ोन",
    "मोबाइल",
];

const CARD: &[&str] = &[
    "card",
    "visa",
    "amex",
    "credit",
    "debit",
    "karte",
    "kreditk",
    "carte",
    "tarjeta",
    "carta",
    "cartão",
    "cartao",
    "kaart",
    "karta",
    "карт",
    "カード",
    "卡号",
    "信用卡",
    "卡號",
    "카드",
    "بطاقة",
    "कार्ड",
];

const SSN: &[&str] =
    &["ssn", "social security", "seguro social", "social sec", "sozialversicherung", "sécurité sociale"];

const THING: &[&str] = &[
    "order",
    "tracking",
    "invoice",
    "ticket",
    "imei",
    "reference",
    "référence",
    "referencia",
    "riferimento",
    "referenz",
    "ref ",
    "ref.",
    "ref:",
    "case",
    "serial",
    "sku",
    "booking",
    "shipment",
    "parcel",
    "package",
    "transaction",
    "session",
    "timestamp",
    "version",
    "model",
    "policy",
    "meter",
    "isbn",
    "ean",
    "bestell",
    "auftrag",
    "sendung",
    "rechnung",
    "vorgang",
    "kundennummer",
    "seriennummer",
    "paket",
    "zähler",
    "commande",
    "facture",
    "suivi",
    "colis",
    "dossier",
    "pedido",
    "factura",
    "seguimiento",
    "envío",
    "ordine",
    "fattura",
    "spedizione",
    "pratica",
    "fatura",
    "encomenda",
    "rastre",
    "注文",
    "伝票",
    "追跡",
    "订单",
    "單號",
    "单号",
    "주문",
    "order_id",
    "account number",
];
