//! Private keys as a person would paste them.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

/// A key, and what NetSuite has of it.
pub(crate) struct Pair {
    pub(crate) pem: String,
    pub(crate) public: DecodingKey,
    pub(crate) algorithm: Algorithm,
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der))
}

fn public(key: &EncodingKey, algorithm: Algorithm) -> DecodingKey {
    DecodingKey::from_jwk(&Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap()
}

pub(crate) fn rsa(bits: usize) -> Pair {
    let size = match bits {
        2_048 => KeySize::Rsa2048,
        3_072 => KeySize::Rsa3072,
        _ => KeySize::Rsa4096,
    };
    let der: Pkcs8V1Der<'static> = KeyPair::generate(size).unwrap().as_der().unwrap();
    let pem = pem(der.as_ref());
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    Pair { pem, public: public(&key, Algorithm::PS256), algorithm: Algorithm::PS256 }
}

fn curve(of: &'static EcdsaSigningAlgorithm, algorithm: Algorithm) -> Pair {
    let der = EcdsaKeyPair::generate_pkcs8(of, &SystemRandom::new()).unwrap();
    let pem = pem(der.as_ref());
    let key = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
    Pair { pem, public: public(&key, algorithm), algorithm }
}

pub(crate) fn elliptic() -> Pair {
    curve(&ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::ES256)
}

pub(crate) fn elliptic_384() -> Pair {
    curve(&ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::ES384)
}

/// A fresh P-521 key in its PEM form: one that we cannot sign with.
pub(crate) fn elliptic_521() -> String {
    let of = &aws_lc_rs::signature::ECDSA_P521_SHA512_FIXED_SIGNING;
    pem(EcdsaKeyPair::generate_pkcs8(of, &SystemRandom::new()).unwrap().as_ref())
}
