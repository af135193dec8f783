/// A self-signed certificate for localhost and 127.0.0.1, valid for a hundred years, with its key: for tests only.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBqTCCAU+gAwIBAgIUKZJMtd2A3iKfaHvVg+1Q4v/zJrEwCgYIKoZIzj0EAwIw
        GzEZMBcGA1UEAwwQcmFuY2hlci1zaW0gdGVzdDAgFw0yNjExMjIyMTEzNDhaGA8y
        MTI2MTAyOTIxMTM0OFowGzEZMBcGA1UEAwwQcmFuY2hlci1zaW0gdGVzdDBZMBMG
        ByqGSM49AgEGCCqGSM49AwEHA0IABImclR361j4f68Nu9NzWtJSlNOiU3UefLUdC
        WlnNXanA3SGj3kesFXpwzs1GwesR15HnSvVXwUh6QC9rEkbu1sijbzBtMB0GA1Ud
        DgQWBBQYixVskjD1J3S6BQTiMAKY81t+6zAfBgNVHSMEGDAWgBQYixVskjD1J3S6
        BQTiMAKY81t+6zAPBgNVHRMBAf8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9z
        dIcEfwAAATAKBggqhkjOPQQDAgNIADBFAiBy86GTJmvF4xXbJrpnY5spC9jC907x
        MBxB3A6ND8xw/wIhAKdkS5QdsvVhLwtT1OzXCZz99YWRvX81HEtSO0xJthLc
        -----END CERTIFICATE-----
        """

    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgGqVnAdoGEoe58T7T
        EFXMMZgDKMQT30ADruKr19DD7mehRANCAASJnJUd+tY+H+vDbvTc1rSUpTTolN1H
        ny1HQlpZzV2pwN0ho95HrBV6cM7NRsHrEdeR50r1V8FIekAvaxJG7tbI
        -----END PRIVATE KEY-----
        """
}
