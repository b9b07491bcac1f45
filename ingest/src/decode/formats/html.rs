//! Text out of HTML, as help desks store what was written.

/// What a reader of the HTML would read; anything else is a text already.
pub(super) fn text(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return html.to_owned();
    }
    nanohtml2text::html2text(html).replace("\r\n", "\n").trim().to_owned()
}
