/// Keys for tests only.
enum TestKeys {
    /// Self-signed for `localhost` and `127.0.0.1`, valid for a hundred years.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBejCCASGgAwIBAgIBATAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNyYW5jaGVy
        LWFnZW50IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAe
        MRwwGgYDVQQDDBNyYW5jaGVyLWFnZW50IHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZI
        zj0DAQcDQgAES2G/mavRNzK/KU2MoTAoiNw6oRr9OqfDkC5sEYF4x3pIBYrjg7tr
        NAHOj1FQb4PcCFvGb+xx+9PvspcDfhimaqNOMEwwDwYDVR0TAQH/BAUwAwEB/zAa
        BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFK+Dl+70QfFs2W5c
        Bmk/FCsunaQpMAoGCCqGSM49BAMCA0cAMEQCIFBFWdwRHajPw2GDpYDAz3jEjNw0
        F/uFUnbL3g7Nj9TfAiBP18Eey6go5Jb/ysi+PEjLs28IQzDNtziRopLEBcbXjQ==
        -----END CERTIFICATE-----

        """

    /// Of the certificate.
    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3VfZF+f+9Hn20Au4
        Ws1k94xMORuTrVBI1t3rQTPdsSahRANCAARLYb+Zq9E3Mr8pTYyhMCiI3DqhGv06
        p8OQLmwRgXjHekgFiuODu2s0Ac6PUVBvg9wIW8Zv7HH70++ylwN+GKZq
        -----END PRIVATE KEY-----

        """

    /// A public key as a server signs with.
    static let rsaPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArdJPf+YQLwCqTgfETFpB
        rMH9mZmkqUjhz5W5VHHGfSDowkmxBj8ptyWR2CMdC1UrzDW52dz8S1z8EB4WZpD6
        3mem3pwKpATy+ip1012ksyIV+gHqfDut0EJbBMbv+VWKOml++wsBoPCBuftxOzIQ
        FKugFSexV8Ci6wrkEYTfnEuFhfx8XteYg2ezWoxeBtk6bjcHf/ib1xlBBkZ8kWEy
        vV2ld6AxjYsZoNrc9fVpmWV1xSIh3ZnuiBJ7Ip7zm/BxVEN9w3QBdepfaMTIEuNI
        kY/si6Iv34YHfK0tBN56SEBMZtzYYhg2qb2ZHQhoYYMQMyNd4hNKmTLT4aJigl+b
        owIDAQAB
        -----END PUBLIC KEY-----

        """

    /// A public key of the wrong kind.
    static let ellipticPublicKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECMY/BKpKDJ8xCegmYwebJCJFRkwQ
        bos/uBU/pfwau7gZdatMNqDtHYK7ITlcEV6ODvMvesmh6aZP1qFRorWq9A==
        -----END PUBLIC KEY-----

        """
}
