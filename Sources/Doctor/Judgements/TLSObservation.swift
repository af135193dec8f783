internal import Inspection
internal import Model

/// What became of speaking TLS with a server.
enum TLSObservation: Sendable, Hashable {
    /// The URL asks for none.
    case notWanted
    /// The handshake is done and all is believed; with the server's own certificate, if it can be read.
    case trusted(CertificateFacts?)
    /// The server's certificate first, then what it sent along.
    case untrusted([CertificateFacts])
    /// It is trusted and is for another name.
    case wrongName([CertificateFacts])
    /// There is no TLS on the other side.
    case notTLS
    /// The proxy did not let us through.
    case proxy(ProxyTrouble)
    case closed
    case silent(Duration)
    case failed(String)

    /// - Parameters:
    ///   - authorities: Where certificates are trusted besides the system's.
    ///   - clock: The server's, as far as it told its time although it is not trusted.
    func finding(
        host: String, port: Int, now: Timestamp, authorities: String?, clock: ClockObservation = .unknown
    ) -> Diagnosis {
        switch self {
        case .notWanted: return .ok("The URL is http: nothing that is said with \(host) is encrypted.")
        case .trusted(let certificate): return Self.trusted(certificate, host, now)
        case .untrusted(let chain): return Self.untrusted(chain, host, now, authorities, clock)
        case .wrongName(let chain):
            guard let own = chain.first else {
                return .failure("The certificate of \(host) is for another name.", Self.nameAdvice)
            }
            return .failure(Self.wrongName(own, host), Self.nameAdvice)
        case .notTLS:
            return .failure(
                "What listens on port \(port) of \(host) speaks no TLS.",
                "The URL says https: write http, or the port on which the server speaks TLS.")
        case .proxy(let trouble): return trouble.finding()
        case .closed:
            return .failure(
                "\(host) closes the connection in the middle of the TLS handshake.",
                "Look into the log of the server, or of the load balancer in front of it: it may want another version "
                    + "of TLS, a client's certificate, or another name.")
        case .silent(let deadline):
            return .failure(
                "\(host) accepts the connection and says nothing of TLS within \(deadline.words).",
                "Check that the port is the one of https, and that the server is not hung.")
        case .failed(let reason):
            return .failure(
                "TLS with \(host) fails: \(reason).", "Look into the log of the server for the other side of it.")
        }
    }

    private static func trusted(_ certificate: CertificateFacts?, _ host: String, _ now: Timestamp) -> Diagnosis {
        guard let certificate else { return .ok("The certificate of \(host) is trusted.") }
        let left = certificate.notAfter - now
        if left < .seconds(14 * 86_400) {
            return .warning(
                "The certificate of \(host) (\(certificate.subject)) is trusted, but expires on "
                    + "\(certificate.notAfter.iso8601), in \(left.components.seconds / 86_400) days.",
                "Renew it before that day: from then on no agent connects.")
        }
        return .ok(
            "The certificate of \(host) (\(certificate.subject), signed by \(certificate.issuer)) is trusted and valid "
                + "until \(certificate.notAfter.iso8601).")
    }

    private static let nameAdvice =
        "Use one of its names in the URL, or give the server a certificate that has this name among its alternative "
        + "names."

    private static func wrongName(_ own: CertificateFacts, _ host: String) -> String {
        let names = own.allNames
        let list = names.isEmpty ? "no name at all" : names.joined(separator: ", ")
        return "The certificate (\(own.subject)) is not for \(host), but for \(list)."
    }

    private static func untrusted(
        _ chain: [CertificateFacts], _ host: String, _ now: Timestamp, _ authorities: String?,
        _ clock: ClockObservation
    ) -> Diagnosis {
        var texts: [String] = []
        var advice: [String] = []
        for certificate in chain {
            let place = certificate == chain.first ? "The certificate" : "The certificate it was signed with"
            let dates =
                "It is valid from \(certificate.notBefore.iso8601) to \(certificate.notAfter.iso8601); this host's "
                + "clock says \(now.iso8601)."
            if certificate.notAfter < now {
                texts.append("\(place) (\(certificate.subject)) has expired. \(dates)")
                advice.append("Renew it at the server; if the date of this host is wrong, set its clock.")
            } else if certificate.notBefore > now {
                texts.append("\(place) (\(certificate.subject)) is not valid yet. \(dates)")
                advice.append(
                    "Set the clock of this host if it is behind; else that of who has signed the certificate.")
            }
        }
        let isDated = !texts.isEmpty
        if isDated, clock.isFarApart {
            let skew = clock.finding()
            texts.append(skew.text)
            advice = ["Set the clock of this host, or of the server, whichever is wrong. " + skew.advice]
        }
        let place = authorities.map { "add it to \($0)" } ?? "name a file with it in CATTLE_CA_FILE"
        if let own = chain.first, own.isSelfSigned {
            texts.append(
                "The certificate (\(own.subject)) is self-signed: nobody whom this host trusts vouches for it.")
            advice.append("If it is the right one, \(place); better, have it signed by an authority.")
        } else if let last = chain.last, !isDated {
            texts.append(
                last.isSelfSigned
                    ? "The certificate's authority (\(last.subject)) is unknown to this host."
                    : "The certificate was signed by an issuer that this host does not know (\(last.issuer)), and the "
                        + "server sends no certificate of it.")
            advice.append(
                "If it is the authority of your house, \(place). If it is a public one, the server has to send the "
                    + "certificates in between, or the system's list of authorities (ca-certificates) is old.")
        }
        if let own = chain.first, !own.isFor(host) {
            texts.append(wrongName(own, host))
            advice.append(nameAdvice)
        }
        guard !texts.isEmpty else {
            return .failure(
                "The certificate of \(host) is not accepted.", "Look at it with: openssl s_client -connect \(host)")
        }
        return .failure(texts.joined(separator: " "), advice.joined(separator: " "))
    }
}
