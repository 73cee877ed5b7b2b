//! A field with a certificate has one reading or none, and several fields have none.
// MTL-12, MTL-15

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::{CertificateField, CertificateThumbprint};

pub(super) fn run(line: &[u8]) {
    for field in CertificateField::ALL {
        let found = field.read([line]);
        assert!(field.read([line, line]).is_err(), "one of several fields was picked");
        // Proxies write an empty field for a client without a certificate; RFC 9440 knows none.
        assert_eq!(found == Ok(None), line.is_empty() && field != CertificateField::ClientCert);
    }
    if let Ok(Some(found)) = CertificateField::ClientCert.read([line]) {
        let encoded = &line[1..line.len() - 1];
        assert_eq!(STANDARD.encode(STANDARD.decode(encoded).unwrap()).as_bytes(), encoded, "another spelling");
        assert_eq!(found, CertificateThumbprint::of_der(&STANDARD.decode(encoded).unwrap()), "another certificate");
        let list = [line, b", ", line].concat();
        assert!(CertificateField::ClientCert.read([list.as_slice()]).is_err(), "one of a list was picked");
    }
}
