//! Text out of HTML, as help desks store what was written.

/// The text that a reader of the HTML sees; plain text stays as it is.
pub(super) fn text(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return html.to_owned();
    }
    nanohtml2text::html2text(html).replace("\r\n", "\n").trim().to_owned()
}
