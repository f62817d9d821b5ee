//! What notify reads from its environment.

use shared::runtime::env::EnvReader;

/// Where the links in messages lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The review function's address, as people reach it; without a slash at its end.
    pub pages: String,
    /// Where the folder `runbooks/` can be read; without a slash at its end. `None`: messages name the file.
    pub runbooks: Option<String>,
}

/// Configuration of one instance. Whom to tell stands in `sync.toml`.
///
/// | variable | |
/// |---|---|
/// | `REVIEW_URL` | the review function's address, for the links in messages: `https://sync.example.com` |
/// | `RUNBOOKS_URL` | where the folder `runbooks/` can be read; without it messages name the file |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where links lead.
    pub links: Links,
}

impl Config {
    /// Reads the variables; what is wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let pages = reader.required("REVIEW_URL", "the review function's address, for links");
        let runbooks = reader.optional("RUNBOOKS_URL");
        for (name, url) in [("REVIEW_URL", Some(&pages)), ("RUNBOOKS_URL", runbooks.as_ref())] {
            let Some(url) = url.filter(|url| !url.is_empty()) else { continue };
            if !(url.starts_with("https://") || url.starts_with("http://"))
                || url.contains(char::is_whitespace)
            {
                reader.refuse(name, "it is an address of the web, https://…");
            }
        }
        let bare = |url: String| url.trim_end_matches('/').to_string();
        Self { links: Links { pages: bare(pages), runbooks: runbooks.map(bare) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_addresses() {
        let of = |pages: &str, runbooks: &str| {
            let env = [("REVIEW_URL", pages), ("RUNBOOKS_URL", runbooks)].into_iter().collect();
            let mut reader = EnvReader::new(&env);
            let config = Config::read(&mut reader);
            reader.finish().map(|()| config.links)
        };
        let links = of("https://sync.example.com/", "").unwrap();
        assert_eq!((links.pages.as_str(), links.runbooks), ("https://sync.example.com", None));
        for (pages, runbooks, wrong) in [
            ("", "", "REVIEW_URL is missing"),
            ("sync.example.com", "", "REVIEW_URL is wrong"),
            ("https://x.example", "ftp://y", "RUNBOOKS_URL is wrong"),
        ] {
            assert!(of(pages, runbooks).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}
