import FoundationEssentials

/// A user and a secret of the Rancher API, for basic authentication. Its text form hides the secret.
package struct APIKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The user.
    package let accessKey: String
    /// The password: for headers only, never for a message.
    package let secretKey: String

    /// A pair of keys.
    package init(accessKey: String, secretKey: String) {
        self.accessKey = accessKey
        self.secretKey = secretKey
    }

    /// Without the secret.
    package var description: String { "key of \(accessKey)" }
    /// Without the secret, for `dump`.
    package var customMirror: Mirror { Mirror(self, children: ["accessKey": accessKey]) }

    /// The value of an `Authorization` header.
    package var authorization: String { "Basic \(Self.base64("\(accessKey):\(secretKey)"))" }

    static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}

/// What a registered host connects with (PROTOCOL 2.4).
package struct Credentials: Sendable, Hashable {
    /// `CATTLE_URL`, not normalised.
    package let url: APIURL
    /// The keys of the host's agent.
    package let key: APIKey
    /// The address that the host advertises; empty if nobody knows it.
    package let agentIP: String

    /// The outcome of a registration, or what was configured instead of one.
    package init(url: APIURL, key: APIKey, agentIP: String) {
        self.url = url
        self.key = key
        self.agentIP = agentIP
    }

    /// `CATTLE_ACCESS_KEY`.
    package var accessKey: String { key.accessKey }
    /// `CATTLE_SECRET_KEY`.
    package var secretKey: String { key.secretKey }
}
