import URLCoding

/// Which calls to the server go through a proxy: `http_proxy`, `https_proxy` and `no_proxy` (PROTOCOL 1.4).
package struct ProxySettings: Sendable, Hashable {
    /// A proxy that speaks HTTP. Its text form hides the password.
    package struct Proxy: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        /// A name or an address; that of IPv6 without its brackets.
        package let host: String
        package let port: Int
        /// The value of a `Proxy-Authorization` header: for that only, never for a message.
        package let authorization: String?

        /// A proxy; the authorization is the whole value of the header.
        package init(host: String, port: Int, authorization: String? = nil) {
            self.host = host
            self.port = port
            self.authorization = authorization
        }

        /// Without who we are to it.
        package var description: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
        /// Without who we are to it, for `dump`.
        package var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port]) }
    }

    /// For `http` and `ws`.
    package var plain: Proxy?
    /// For `https` and `wss`.
    package var encrypted: Proxy?
    /// The variable that names ``plain``, as it is written.
    package private(set) var plainVariable = "http_proxy"
    /// The variable that names ``encrypted``, as it is written.
    package private(set) var encryptedVariable = "https_proxy"
    /// Where no proxy is used.
    package var exceptions: [ProxyException] = []
    /// What was found wrong with single settings; they were ignored.
    package var warnings: [String] = []

    /// No proxy at all.
    package static let none = ProxySettings()

    private init() {}

    /// Reads the variables, by their names. The small letters go before the capitals, as programs of old only know
    /// those; an empty one counts as not set.
    package init(variables: [String: String]) {
        func setting(_ name: String) -> (name: String, text: String)? {
            for name in [name, name.uppercased()] {
                if let text = variables[name]?.trimmingBlanks, !text.isEmpty { return (name, text) }
            }
            return nil
        }
        let places = [
            (\ProxySettings.plainVariable, \ProxySettings.plain),
            (\ProxySettings.encryptedVariable, \ProxySettings.encrypted),
        ]
        for (variable, place) in places {
            guard let (name, text) = setting(self[keyPath: variable]) else { continue }
            self[keyPath: variable] = name
            switch Self.proxy(text) {
            case .success(let proxy): self[keyPath: place] = proxy
            case .failure(let fault): warnings.append("\(name) \(fault.reason), and is ignored: no proxy is used")
            }
        }
        guard let (_, text) = setting("no_proxy") else { return }
        exceptions = text.split { $0 == "," || $0.isWhitespace }.map { ProxyException(String($0)) }
    }

    /// The proxy that a call to this URL goes through; `nil` if it goes straight to the server, which it always does
    /// to this host itself.
    package func proxy(for url: APIURL) -> Proxy? {
        guard let proxy = url.isEncrypted ? encrypted : plain else { return nil }
        return Self.isThisHost(url.host) || exception(for: url) != nil ? nil : proxy
    }

    /// The variable that names the proxy for calls to this URL, as it is written; in small letters if none is set.
    package func variable(for url: APIURL) -> String { url.isEncrypted ? encryptedVariable : plainVariable }

    /// The part of `no_proxy` that says that a call to this URL goes straight to the server.
    package func exception(for url: APIURL) -> ProxyException? {
        exceptions.first { $0.matches(host: url.host, port: url.effectivePort) }
    }

    /// Whether that is what a host calls itself.
    package static func isThisHost(_ host: String) -> Bool {
        if host.lowercased() == "localhost" { return true }
        guard let address = IPAddress(host) else { return false }
        return address.bytes.count == 4 ? address.bytes[0] == 127 : address.bytes == IPAddress.loopback6
    }

    private struct Fault: Error {
        let reason: String
    }

    private static func proxy(_ text: String) -> Result<Proxy, Fault> {
        let written = text.contains("://") ? text : "http://\(text)"
        guard !written.lowercased().hasPrefix("https://") else {
            return .failure(Fault(reason: "names a proxy that is spoken to in TLS, which is not supported"))
        }
        guard written.lowercased().hasPrefix("http://") else {
            return .failure(Fault(reason: "names no proxy that speaks HTTP"))
        }
        guard let url = try? APIURL(written) else { return .failure(Fault(reason: "is no URL of a proxy")) }
        return .success(Proxy(host: url.host, port: url.effectivePort, authorization: authorization(written)))
    }

    /// What stands before the `@`, whose parts are percent-encoded.
    private static func authorization(_ written: String) -> String? {
        let authority = written.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let at = authority.lastIndex(of: "@") else { return nil }
        let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let (user, password) = (parts[0], parts.count > 1 ? parts[1] : "")
        return "Basic " + APIKey.base64("\(PercentCoding.decoded(user)):\(PercentCoding.decoded(password))")
    }
}
