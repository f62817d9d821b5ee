//! How instances sign in to NetSuite: with a real key and real signatures, by the simulator's token endpoint. The key is
//! drawn anew by each process; nothing that a seed shows depends on it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use local::netsuite::{Certificate, Integration};
use shared::domain::id::{AccountId, Timestamp};
use shared::netsuite::sign::{Credential, Credentials, Grant, Signer, SigningKey};
use shared::runtime::clock::Clock;
use shared::runtime::ids::Ids;

use crate::world::START;

/// The certificate's id.
const CERTIFICATE: &str = "simulated";

/// A certificate is good for two years at most, ms.
const GOOD_MS: i64 = 2 * 365 * 86_400_000;

struct Key {
    ours: SigningKey,
    theirs: DecodingKey,
}

fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let der = BASE64_STANDARD.encode(der.expect("a key"));
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let encoding = EncodingKey::from_ec_pem(pem.as_bytes()).expect("its own key");
        let jwk = Jwk::from_encoding_key(&encoding, Algorithm::ES256).expect("its public half");
        Key {
            ours: SigningKey::parse(&pem, None).expect("its own key"),
            theirs: DecodingKey::from_jwk(&jwk).expect("its public half"),
        }
    })
}

/// What an account's NetSuite knows of us.
pub(crate) fn integration() -> Integration {
    let certificate = Certificate { key: key().theirs.clone(), until: Timestamp(START.0 + GOOD_MS) };
    Integration {
        client_id: "suitex-sync".into(),
        certificates: BTreeMap::from([(CERTIFICATE.into(), certificate)]),
        tokens: Vec::new(),
    }
}

/// An instance's own sign-in, by its own clock.
pub(crate) fn signer(account: &AccountId, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Signer {
    let grant = Grant {
        client_id: "suitex-sync".into(),
        certificate_id: CERTIFICATE.into(),
        key: key().ours.clone(),
    };
    let credentials = Credentials::Of(BTreeMap::from([(account.clone(), Credential::OAuth2(grant))]));
    Signer::new(credentials, clock, ids)
}
