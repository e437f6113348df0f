//! The signature base (RFC 9421 §2.5): the bytes that are signed.

/// One line for each component, and the parameters in the last. `None` when a component has no value in the request, or
/// one that would break the line.
pub(super) fn signature_base<'c>(
    components: impl IntoIterator<Item = &'c str>,
    value: impl Fn(&str) -> Option<String>,
    parameters: &str,
) -> Option<String> {
    let mut base = String::new();
    for component in components {
        let value = value(component)?;
        if value.contains(['\n', '\r']) {
            return None;
        }
        base.push_str(&format!("\"{component}\": {value}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {parameters}"));
    Some(base)
}
