//! An issuer of OIDC tokens with a key of its own: Google's part, where Google is not. For development and
//! tests alone.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

/// Signs tokens, and tells the key to verify them with.
pub struct Issuer {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
    public: Jwk,
}

/// A key could not be drawn or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's key: {0}")]
pub struct IssuerError(String);

impl Issuer {
    /// An issuer with a fresh RSA key of 2,048 bits, which goes by `id`.
    pub fn new(id: impl Into<String>) -> Result<Self, IssuerError> {
        let id = id.into();
        let wrong = |error: &dyn std::fmt::Display| IssuerError(error.to_string());
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|e| wrong(&e))?;
        let der: Pkcs8V1Der<'static> = pair.as_der().map_err(|e| wrong(&e))?;
        let text = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|e| wrong(&e))?;
        Self::with(id, Algorithm::RS256, key)
    }

    /// An issuer with a fresh P-256 key, as Identity-Aware Proxy is one, which goes by `id`.
    pub fn es256(id: impl Into<String>) -> Result<Self, IssuerError> {
        let wrong = |error: &dyn std::fmt::Display| IssuerError(error.to_string());
        let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let document = drawn.map_err(|e| wrong(&e))?;
        let text = BASE64_STANDARD.encode(document.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|e| wrong(&e))?;
        Self::with(id.into(), Algorithm::ES256, key)
    }

    fn with(id: String, algorithm: Algorithm, key: EncodingKey) -> Result<Self, IssuerError> {
        let public = Jwk::from_encoding_key(&key, algorithm);
        let mut public = public.map_err(|error| IssuerError(error.to_string()))?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { id, algorithm, key, public })
    }

    /// The key's public half, as Google publishes its own.
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The set of keys that has this one alone.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }

    /// A token with these claims, signed.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, IssuerError> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).map_err(|error| IssuerError(error.to_string()))
    }
}
