//! What the poller reads from its environment.

use shared::blob::offload::Offload;
use shared::domain::id::AccountId;
use shared::netsuite::config::NetSuiteConfig;
use shared::runtime::env::EnvReader;

/// How the poller polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// What was saved less than so long ago is left to the next tick, s: its second must be over.
    pub lag_s: i64,
    /// What was saved up to so long before the last look is looked for again, s: a save becomes visible when its
    /// transaction ends, under the time at which it began.
    pub overlap_s: i64,
    /// A tick starts nothing more after so long, ms.
    pub budget_ms: i64,
    /// More deletions than this within an hour are held until a person has looked.
    pub deletions_max: usize,
    /// So are more than ten of them that are more of a hundred known records than this.
    pub deletions_percent: usize,
    /// A sweep of what is known to be there begins so long after the last did, s.
    pub sweep_every_s: i64,
    /// Whether our role sees every record: then what NetSuite has neither listed nor shown for an hour is deleted. Else a
    /// person is asked, for NetSuite says of hidden records, too, that there are none.
    pub role_sees_all: bool,
    /// A field that turns empty in more records of one scan than this is held until a person has looked,
    pub nulls_max: usize,
    /// if these are more of a hundred that held something than this.
    pub nulls_percent: usize,
    /// A type that NetSuite does not list by time is read whole so long after it was last, s.
    pub whole_every_s: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lag_s: 5,
            overlap_s: 300,
            budget_ms: 45_000,
            deletions_max: 50,
            deletions_percent: 25,
            sweep_every_s: 86_400,
            role_sees_all: false,
            nulls_max: 20,
            nulls_percent: 50,
            whole_every_s: 3_600,
        }
    }
}

/// Configuration of one instance: [`NetSuiteConfig`], and
///
/// | variable | default | |
/// |---|---|---|
/// | `POLL_LAG_SECONDS` | 5 | what is younger is left to the next tick; 2 to 60 |
/// | `POLL_OVERLAP_SECONDS` | 300 | what is looked for again; 10 to 3600 |
/// | `POLL_BUDGET_SECONDS` | 45 | a tick starts nothing more after so long; 1 to 600 |
/// | `POLL_DELETIONS_MAX` | 50 | more within an hour are held; 0 holds all |
/// | `POLL_DELETIONS_PERCENT` | 25 | so are more than ten that are more of a hundred known records; 1 to 100 |
/// | `POLL_NULLS_MAX` | 20 | a field that turns empty in more records of one scan than this is held, |
/// | `POLL_NULLS_PERCENT` | 50 | if these are more of a hundred that held something in it; 1 to 100 |
/// | `POLL_WHOLE_MINUTES` | 60 | a type that NetSuite does not list by time is read whole so often; 5 to 10080 |
/// | `POLL_SWEEP_HOURS` | 24 | a sweep of what is known to be there begins so long after the last; 1 to 720 |
/// | `POLL_ROLE_SEES_ALL` | false | whether our role sees every record, so that what is missing is deleted |
/// | `BLOB_BUCKET` | | the bucket for large bodies |
/// | `OFFLOAD_OVER_BYTES` | 262144 | payloads over this size travel by reference; 1024 to 1048576 |
#[derive(Debug, Clone)]
pub struct Config {
    /// How it polls.
    pub rules: Rules,
    /// Where large payloads go.
    pub offload: Offload,
    /// Where NetSuite is, and how we sign in to each account.
    pub netsuite: NetSuiteConfig,
}

impl Config {
    /// Reads the variables; what is missing or wrong is noted in `reader`. Each of `accounts` needs a credential.
    pub fn read<'a>(reader: &mut EnvReader<'_>, accounts: impl IntoIterator<Item = &'a AccountId>) -> Self {
        let default = Rules::default();
        let mut within = |name, default: i64, what, (least, most)| {
            let given = reader.parsed_or(name, default, what);
            if !(least..=most).contains(&given) {
                reader.refuse(name, format!("it must lie between {least} and {most}"));
            }
            given
        };
        let lag_s = within("POLL_LAG_SECONDS", default.lag_s, "seconds", (2, 60));
        let overlap_s = within("POLL_OVERLAP_SECONDS", default.overlap_s, "seconds", (10, 3_600));
        let budget_s = within("POLL_BUDGET_SECONDS", default.budget_ms / 1_000, "seconds", (1, 600));
        let sweep_h = within("POLL_SWEEP_HOURS", default.sweep_every_s / 3_600, "hours", (1, 720));
        let whole_m = within("POLL_WHOLE_MINUTES", default.whole_every_s / 60, "minutes", (5, 10_080));
        let deletions_percent = within("POLL_DELETIONS_PERCENT", 25, "a percentage", (1, 100));
        let nulls_percent = within("POLL_NULLS_PERCENT", 50, "a percentage", (1, 100));
        let role_sees_all = reader.parsed_or("POLL_ROLE_SEES_ALL", default.role_sees_all, "true or false");
        let nulls_max = reader.parsed_or("POLL_NULLS_MAX", default.nulls_max, "records of one scan");
        let deletions_max =
            reader.parsed_or("POLL_DELETIONS_MAX", default.deletions_max, "deletions within an hour");
        Self {
            rules: Rules {
                lag_s,
                overlap_s,
                budget_ms: budget_s * 1_000,
                deletions_max,
                deletions_percent: usize::try_from(deletions_percent).unwrap_or(default.deletions_percent),
                sweep_every_s: sweep_h * 3_600,
                role_sees_all,
                nulls_max,
                nulls_percent: usize::try_from(nulls_percent).unwrap_or(default.nulls_percent),
                whole_every_s: whole_m * 60,
            },
            offload: Offload::read(reader),
            netsuite: NetSuiteConfig::read(reader, accounts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::runtime::env::Env;

    fn read(variables: &[(&str, &str)]) -> Result<Rules, String> {
        let others = [
            ("BLOB_BUCKET", "bodies"),
            ("NETSUITE_RESTLET_URL", "http://netsuite"),
            ("NETSUITE_WITHOUT_SIGN_IN", "local"),
        ];
        let env: Env = variables.iter().copied().chain(others).collect();
        let mut reader = EnvReader::new(&env);
        let config = Config::read(&mut reader, &[]);
        reader.finish().map(|()| config.rules).map_err(|bad| bad.to_string())
    }

    #[test]
    fn every_number_has_bounds() {
        assert_eq!(read(&[]).unwrap(), Rules::default());
        assert_eq!(read(&[("POLL_BUDGET_SECONDS", "10")]).unwrap().budget_ms, 10_000);
        assert_eq!(read(&[("POLL_SWEEP_HOURS", "2")]).unwrap().sweep_every_s, 7_200);
        assert_eq!(read(&[("POLL_WHOLE_MINUTES", "5")]).unwrap().whole_every_s, 300);
        assert_eq!(read(&[("POLL_NULLS_PERCENT", "90")]).unwrap().nulls_percent, 90);
        for (name, bad) in [
            ("POLL_LAG_SECONDS", "1"),
            ("POLL_OVERLAP_SECONDS", "5"),
            ("POLL_DELETIONS_MAX", "-1"),
            ("POLL_DELETIONS_PERCENT", "0"),
            ("POLL_SWEEP_HOURS", "0"),
            ("POLL_NULLS_PERCENT", "101"),
            ("POLL_NULLS_MAX", "some"),
            ("POLL_WHOLE_MINUTES", "1"),
        ] {
            assert!(read(&[(name, bad)]).unwrap_err().contains(name), "{name}");
        }
    }
}
