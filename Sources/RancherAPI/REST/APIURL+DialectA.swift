extension APIURL {
    /// Where the REST interface of dialect A is to be found under a configured URL (PROTOCOL 2.1). The subscription
    /// goes to the URL as it was configured.
    package var normalisedForDialectA: APIURL {
        var url = self
        guard path != "", path != "/" else {
            url.path = "/v3"
            return url
        }
        let first = path.dropFirst().prefix { $0 != "/" }
        if ["v1", "v2-beta", "v2"].contains(first) { url.path = "/v3" + path.dropFirst(1 + first.count) }
        return url
    }
}
