//! Token-based authentication: OAuth 1.0a with HMAC-SHA256. Pure; nonce and time come in as values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Uri};
use sha2::Sha256;

use super::percent_encoded;
use crate::runtime::env::Secret;

/// An account's tokens of the older kind.
#[derive(Debug, Clone)]
pub struct TbaTokens {
    /// The integration record's key.
    pub consumer_key: String,
    /// Its secret.
    pub consumer_secret: Secret,
    /// The token of our user and role.
    pub token_id: String,
    /// Its secret.
    pub token_secret: Secret,
}

impl TbaTokens {
    /// The `Authorization` header of a request. A nonce is used once, also when the request is made again.
    pub fn header(&self, account: &str, method: &Method, uri: &Uri, nonce: &str, seconds: i64) -> String {
        let seconds = seconds.to_string();
        let oauth = [
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", &seconds),
            ("oauth_token", &self.token_id),
            ("oauth_version", "1.0"),
        ];
        let signature = self.signature(&base_string(method, uri, &oauth));
        // The realm is not signed, and has another form than the account in the host name.
        let realm = account.to_ascii_uppercase().replace('-', "_");
        let mut header = format!("OAuth realm=\"{}\"", percent_encoded(&realm));
        for (name, value) in oauth.into_iter().chain([("oauth_signature", signature.as_str())]) {
            header.push_str(&format!(", {name}=\"{}\"", percent_encoded(value)));
        }
        header
    }

    fn signature(&self, base: &str) -> String {
        let (consumer, token) = (self.consumer_secret.expose(), self.token_secret.expose());
        let key = format!("{}&{}", percent_encoded(consumer), percent_encoded(token));
        // Unwrap safety: HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key length");
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// What is signed: the method, the address, and every parameter, those of the query too.
fn base_string(method: &Method, uri: &Uri, oauth: &[(&str, &str)]) -> String {
    let mut parameters: Vec<(String, String)> = oauth
        .iter()
        .map(|(name, value)| (percent_encoded(name), percent_encoded(value)))
        .chain(query(uri).map(|(name, value)| (percent_encoded(&name), percent_encoded(&value))))
        .collect();
    parameters.sort();
    let parameters: Vec<String> =
        parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (method, address) = (percent_encoded(method.as_str()), percent_encoded(&address(uri)));
    format!("{method}&{address}&{}", percent_encoded(&parameters.join("&")))
}

/// Scheme, lower-case host, port unless it is the scheme's own, and path.
fn address(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https").to_ascii_lowercase();
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    let port = match (uri.port_u16(), scheme.as_str()) {
        (None, _) | (Some(443), "https") | (Some(80), "http") => String::new(),
        (Some(port), _) => format!(":{port}"),
    };
    format!("{scheme}://{host}{port}{}", uri.path())
}

fn query(uri: &Uri) -> impl Iterator<Item = (String, String)> + '_ {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// As a form is read: `+` is a blank, `%41` is `A`; a `%` that begins nothing is itself.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The credentials of Oracle's published example.
    fn oracles() -> TbaTokens {
        TbaTokens {
            consumer_key: "ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4".into(),
            consumer_secret: Secret::new("d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5"),
            token_id: "2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc".into(),
            token_secret: Secret::new("c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295"),
        }
    }

    const RESTLET: &str = "https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl\
                           ?script=6&deploy=1&customParam=someValue&testParam=someOtherValue";

    #[test]
    fn oracles_published_vector_comes_out() {
        let uri = RESTLET.parse().unwrap();
        let header = oracles().header("123456", &Method::POST, &uri, "fjaLirsIcCGVZWzBX0pg", 1_508_242_306);
        assert!(
            header.contains(r#"oauth_signature="%2BKK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ%3D""#),
            "{header}"
        );
        assert!(header.starts_with(r#"OAuth realm="123456", oauth_consumer_key="ef40"#), "{header}");
        assert!(header.contains(r#"oauth_signature_method="HMAC-SHA256""#), "{header}");
    }

    #[test]
    fn the_realm_is_upper_case_with_an_underscore_and_is_not_signed() {
        let uri = RESTLET.parse().unwrap();
        let header = |account| oracles().header(account, &Method::POST, &uri, "n", 1);
        let (one, other) = (header("1234567-sb1"), header("1234567_SB1"));
        assert!(one.starts_with(r#"OAuth realm="1234567_SB1""#), "{one}");
        assert_eq!(one, other);
        let signature = |header: &str| header.split("oauth_signature=").nth(1).unwrap().to_string();
        assert_eq!(signature(&one), signature(&header("7")));
    }

    #[test]
    fn every_parameter_is_signed_in_rfc_3986_form() {
        let uri: Uri = "HTTPS://Host.Example:443/a/b?z=1&b=a%20b&b=a+a&c=%C3%A9~*&d&e=%zz".parse().unwrap();
        assert_eq!(
            base_string(&Method::GET, &uri, &[("oauth_nonce", "x")]),
            "GET&https%3A%2F%2Fhost.example%2Fa%2Fb&b%3Da%2520a%26b%3Da%2520b%26c%3D%25C3%25A9~%252A%26d%3D%26e%3D%2525zz\
             %26oauth_nonce%3Dx%26z%3D1"
        );
        assert_eq!(address(&"http://h:8080/p".parse().unwrap()), "http://h:8080/p");
    }

    #[test]
    fn nonce_and_time_change_the_signature_and_secrets_do_not_show() {
        let uri = RESTLET.parse().unwrap();
        let header = |nonce, seconds| oracles().header("1", &Method::POST, &uri, nonce, seconds);
        assert_ne!(header("a", 1), header("b", 1));
        assert_ne!(header("a", 1), header("a", 2));
        let shown = format!("{:?}", oracles());
        assert!(!shown.contains("d26ad3") && !shown.contains("c29a67"), "{shown}");
    }
}
