//! Large bodies by content.

use bytes::Bytes;
use shared::blob::{Blob, BlobRef, Body, Keep};

use crate::{acme, globex, rows};

fn each(check: impl AsyncFn(&(dyn Blob + 'static))) {
    for row in rows::blobs() {
        row.check(&check);
    }
}

const BODY: Bytes = Bytes::from_static(b"{\"changes\":{}}");

#[test]
fn what_was_put_is_there_and_nothing_else() {
    each(async |blob| {
        let at = BlobRef::of("bucket", &acme(), Keep::Pinned, &BODY);
        assert_eq!(blob.get(&at).await.unwrap(), Body::Missing);
        blob.put(&at, BODY).await.unwrap();
        assert_eq!(blob.get(&at).await.unwrap(), Body::Whole(BODY));
        for other in [
            BlobRef::of("bucket", &globex(), Keep::Pinned, &BODY),
            BlobRef::of("bucket", &acme(), Keep::Transient, &BODY),
            BlobRef::of("bucket", &acme(), Keep::Pinned, b"other"),
        ] {
            assert_eq!(blob.get(&other).await.unwrap(), Body::Missing, "{other}");
        }
    });
}

#[test]
fn putting_again_changes_nothing() {
    each(async |blob| {
        let at = BlobRef::of("bucket", &acme(), Keep::Transient, &BODY);
        blob.put(&at, BODY).await.unwrap();
        blob.put(&at, BODY).await.unwrap();
        assert_eq!(blob.get(&at).await.unwrap(), Body::Whole(BODY));
    });
}

#[test]
fn an_empty_body_and_one_of_ten_megabytes_come_back_whole() {
    each(async |blob| {
        for body in [Bytes::new(), Bytes::from(vec![0xff; 10 * 1024 * 1024])] {
            let at = BlobRef::of("bucket", &acme(), Keep::Transient, &body);
            blob.put(&at, body.clone()).await.unwrap();
            assert_eq!(blob.get(&at).await.unwrap(), Body::Whole(body));
        }
    });
}
