//! Extracts the text from HTML, in which help desks store messages.

/// The text that a reader of the HTML sees; plain text is returned unchanged.
pub(super) fn text(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return html.to_owned();
    }
    nanohtml2text::html2text(html).replace("\r\n", "\n").trim().to_owned()
}
