import Foundation
import Inspection
import Model
import RancherAPI
import Store
import Testing

@testable import Doctor

/// From what was observed to what is said of it.
@Suite("The judgement of")
struct JudgementTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)
    private static let day = Duration.seconds(86_400)

    private func expect(
        _ finding: Diagnosis, _ verdict: Verdict, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(finding.verdict == verdict, "\(finding)", sourceLocation: sourceLocation)
        for word in words {
            #expect(
                (finding.text + " " + finding.advice).contains(word), "\(word): \(finding)",
                sourceLocation: sourceLocation)
        }
        // Who is told of a trouble is told what to do, and who is not has nothing to do.
        #expect(
            finding.advice.isEmpty == (verdict == .ok || verdict == .skipped), "\(finding)",
            sourceLocation: sourceLocation)
        #expect(
            finding.text.hasSuffix(".") && !finding.text.contains(".."), "\(finding)", sourceLocation: sourceLocation)
    }

    @Test("names")
    func names() {
        func judged(_ observation: NameObservation, of party: Party = .server) -> Diagnosis {
            observation.finding(host: "h", of: party)
        }
        expect(judged(.address), .ok)
        expect(judged(.addresses(["10.0.0.1", "fd00::1"], took: .milliseconds(3))), .ok, "10.0.0.1, fd00::1")
        expect(judged(.addresses(["10.0.0.1"], took: .seconds(5))), .warning, "took 5 s", "resolv.conf")
        expect(judged(.unknown(reason: "no such name", isFinal: true)), .failure, "is not known", "spelling")
        expect(judged(.unknown(reason: "try again", isFinal: false)), .failure, "cannot be looked up", "resolv.conf")
        expect(judged(.silent(.seconds(6))), .failure, "within 6 s")
        for isFinal in [true, false] {
            let unknown = NameObservation.unknown(reason: "no", isFinal: isFinal)
            expect(judged(unknown, of: .server), .failure, "name h of the server", "in the URL")
            let ofProxy = judged(unknown, of: .proxy(variable: "HTTP_PROXY"))
            expect(ofProxy, .failure, "name h of the proxy", "in the variable HTTP_PROXY")
            #expect(!ofProxy.advice.contains("URL"))
        }
    }

    @Test("connections")
    func connections() {
        func judged(
            _ outcomes: ConnectionObservation.Outcome..., at addresses: [String] = [], of party: Party = .server
        ) -> Diagnosis {
            let all = outcomes.enumerated().map {
                ConnectionObservation(
                    address: addresses.isEmpty ? "10.0.0.\($0.offset)" : addresses[$0.offset], outcome: $0.element)
            }
            return ConnectionObservation.finding(all, port: 8080, of: party)
        }
        let well = ConnectionObservation.Outcome.connected(.milliseconds(2))
        // A name with addresses of both kinds, on a host that has only one kind.
        expect(judged(well, .notForUs("no way"), at: ["10.0.0.1", "fd00::1"]), .ok, "fd00::1 is not for this host")
        expect(judged(well, .refused, at: ["127.0.0.1", "::1"]), .ok, "::1 refuses")
        expect(judged(well, .refused, at: ["127.0.0.1", "fd00::1"]), .warning)
        expect(judged(well, .refused, at: ["10.0.0.1", "127.0.0.1"]), .warning)
        expect(judged(.notForUs("no way"), at: ["fd00::1"]), .failure, "no way")
        expect(judged(well, .silent(.seconds(5))), .warning, "after waiting for the others")
        #expect(!judged(well, .refused).advice.contains("waiting"))
        expect(judged(.refused), .failure, "the port in the URL")
        let ofProxy = judged(.refused, of: .proxy(variable: "https_proxy"))
        expect(ofProxy, .failure, "port 8080 of the proxy", "in the variable https_proxy")
        #expect(!ofProxy.advice.contains("URL"))
        expect(judged(.connected(.milliseconds(2))), .ok, "10.0.0.0 connects in 2 ms")
        expect(judged(.connected(.milliseconds(2)), .refused), .warning, "10.0.0.1 refuses", "dead address")
        expect(
            judged(.refused, .silent(.seconds(5))), .failure, "Nobody listens on port 8080", "10.0.0.1 does not answer")
        expect(judged(.silent(.seconds(5))), .failure, "within 5 s", "firewall")
        expect(judged(.failed("no route")), .failure, "no route")
    }

    @Test("proxies")
    func proxies() {
        func judged(_ observation: ProxyObservation, _ warnings: [String] = []) -> Diagnosis {
            observation.finding(host: "h", variable: "http_proxy", warnings: warnings)
        }
        expect(judged(.none), .ok, "http_proxy is not set")
        expect(judged(.thisHost(proxy: "http://p:1")), .ok, "is this host")
        expect(judged(.excepted(by: ".example", proxy: "http://p:1")), .ok, "no_proxy has .example")
        expect(judged(.used("http://p:1")), .ok, "through the proxy http://p:1")
        expect(judged(.none, ["http_proxy is no URL"]), .warning, "http_proxy is no URL")
    }

    private func certificate(
        _ subject: String = "CN=server", issuer: String = "CN=authority", from: Duration = .seconds(-100 * 86_400),
        until: Duration = .seconds(100 * 86_400), names: [String] = ["h"], addresses: [String] = [],
        commonName: String? = nil
    ) -> CertificateFacts {
        CertificateFacts(
            subject: subject, issuer: issuer, notBefore: Self.now + from, notAfter: Self.now + until, names: names,
            addresses: addresses.compactMap { IPAddress($0) }, commonName: commonName, isSelfSigned: subject == issuer)
    }

    @Test("certificates")
    func certificates() {
        func judged(
            _ observation: TLSObservation, _ authorities: String? = nil, clock: ClockObservation = .unknown
        ) -> Diagnosis {
            observation.finding(host: "h", port: 443, now: Self.now, authorities: authorities, clock: clock)
        }
        let authority = certificate("CN=authority", issuer: "CN=authority", names: [])
        expect(judged(.notWanted), .ok)
        expect(judged(.trusted(nil)), .ok)
        expect(judged(.trusted(certificate())), .ok, "CN=server", "CN=authority", "valid until")
        expect(judged(.trusted(certificate(until: Self.day * 5))), .warning, "in 5 days", "Renew")
        expect(judged(.untrusted([certificate("CN=x", issuer: "CN=x")])), .failure, "self-signed", "CATTLE_CA_FILE")
        expect(judged(.untrusted([certificate()]), "/ca.pem"), .failure, "issuer", "CN=authority", "add it to /ca.pem")
        expect(judged(.untrusted([certificate(), authority])), .failure, "authority (CN=authority) is unknown")
        expect(
            judged(.untrusted([certificate(until: Self.day * -1), authority])), .failure, "(CN=server) has expired",
            "2026-09-", "clock")
        expect(
            judged(.untrusted([certificate(), certificate("CN=authority", issuer: "CN=root", until: Self.day * -1)])),
            .failure, "signed with (CN=authority) has expired")
        expect(judged(.untrusted([certificate(from: Self.day)])), .failure, "not valid yet", "Set the clock")
        expect(
            judged(.untrusted([certificate("CN=x", issuer: "CN=x", until: Self.day * -1, names: ["other"])])), .failure,
            "expired", "self-signed", "not for h, but for other")
        expect(
            judged(.untrusted([certificate(from: Self.day)]), clock: .ahead(Self.day * -2)), .failure, "not valid yet",
            "172800 s behind that of the server", "Set the clock of this host")
        // Clocks that agree, or a trouble that has nothing to do with them.
        #expect(
            judged(.untrusted([certificate(from: Self.day)]), clock: .ahead(.seconds(1)))
                == judged(.untrusted([certificate(from: Self.day)])))
        #expect(judged(.untrusted([certificate()]), clock: .ahead(Self.day)) == judged(.untrusted([certificate()])))
        expect(judged(.untrusted([])), .failure, "not accepted")
        expect(judged(.wrongName([certificate(names: [])])), .failure, "no name at all")
        expect(judged(.wrongName([])), .failure)
        expect(judged(.notTLS), .failure, "port 443", "http")
        let trouble = ProxyTrouble(
            proxy: "http://p:1", variable: "https_proxy", host: "h", port: 443, reason: .refused(status: 403, "403"))
        expect(judged(.proxy(trouble)), .failure, "no_proxy")
        expect(judged(.closed), .failure)
        expect(judged(.silent(.seconds(8))), .failure, "within 8 s")
        expect(judged(.failed("odd")), .failure, "odd")
    }

    @Test(
        "names of certificates follows the rules of the agent's own check",
        arguments: [
            ("a.example", ["a.example"], true), ("A.example", ["a.EXAMPLE"], true), ("a.example", ["*.example"], true),
            ("a.b.example", ["*.example"], false), ("example", ["*.example"], false), ("a.example", [], false),
            (".example", ["*.example"], false), ("a.example.", ["a.example"], true),
            ("a.example", ["a.example."], true),
            ("ab.example", ["a*.example"], true), ("ab.example", ["*b.example"], true),
            ("b.example", ["a*.example"], false), ("a.b.example", ["a.*.example"], false),
            ("xn--a.example", ["*.example"], false), ("a.example", ["**.example"], false),
            ("a_b.example", ["a_b.example"], false), ("10.0.0.1", ["10.0.0.1"], false),
        ])
    func certificateNames(host: String, names: [String], isMeant: Bool) {
        #expect(certificate(names: names).isFor(host) == isMeant)
        // Where there are no other names, the common name counts for a name, and never for an address.
        if names.count == 1 { #expect(certificate(names: [], commonName: names[0]).isFor(host) == isMeant) }
    }

    @Test(
        "addresses of certificates compares what they mean, and not how they are written",
        arguments: [
            ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false), ("::1", "0:0:0:0:0:0:0:1", true),
            ("fd00::a", "FD00:0::000A", true), ("::1", "::2", false), ("localhost", "127.0.0.1", false),
        ])
    func certificateAddresses(host: String, address: String, isMeant: Bool) {
        #expect(certificate(names: [], addresses: [address]).isFor(host) == isMeant)
    }

    @Test("proxies that let nobody through")
    func proxyTroubles() {
        func judged(_ reason: ProxyTrouble.Reason, host: String = "h", purpose: String = "") -> Diagnosis {
            ProxyTrouble(proxy: "http://p:1", variable: "https_proxy", host: host, port: 8443, reason: reason)
                .finding(purpose: purpose)
        }
        func refused(_ status: Int?) -> Diagnosis { judged(.refused(status: status, "the proxy said \(status ?? 0)")) }
        expect(refused(407), .failure, "the proxy said 407", "user and password into https_proxy")
        for status in [502, 503, 504] {
            expect(refused(status), .failure, "does not reach h:8443", "whether the server runs")
            #expect(!refused(status).advice.contains("CONNECT"))
        }
        expect(refused(403), .failure, "CONNECT", "h:8443", "add h to no_proxy")
        expect(refused(nil), .failure, "CONNECT")
        expect(judged(.silent(.seconds(8)), host: "fd00::1"), .failure, "http://p:1", "within 8 s", "[fd00::1]:8443")
        expect(judged(.silent(.seconds(8)), purpose: " for the websocket"), .failure, "for the websocket to h:8443")
    }

    @Test("registrations")
    func registrations() {
        func judged(_ observation: RegistrationObservation) -> Diagnosis { observation.finding(host: "h") }
        expect(judged(.notUsed(accessKey: "AK")), .ok, "AK")
        for status in [401, 403, 404] {
            expect(judged(.failed(.script, .refused(status: status, reason: "x."))), .failure, "token is not valid")
        }
        expect(judged(.failed(.script, .refused(status: 503, reason: "x."))), .failure, "in front of the server")
        expect(judged(.failed(.script, .silent("no answer"))), .failure, "does not answer")
        expect(judged(.failed(.keys, .refused(status: 401, reason: "x."))), .failure, "withdrawn")
        expect(judged(.failed(.keys, .strange("html"))), .failure, "none of a Rancher server")
        expect(judged(.noToken(directory: "/d")), .warning, "/d", "--state-dir")
        expect(judged(.tokenUnreadable("no")), .failure, "root")
        expect(judged(.notRegistered), .warning, "Start the agent")
        expect(judged(.registered(accessKey: "AK", server: "http://h/v3")), .ok, "http://h/v3", "AK")
    }

    @Test("answers of the API")
    func api() {
        func judged(_ answers: APIObservation.Answer...) -> Diagnosis {
            let places = answers.enumerated().map {
                APIObservation.Place(url: "http://h/v\($0.offset)", answer: $0.element)
            }
            return APIObservation(places: places).finding(took: .milliseconds(4))
        }
        expect(judged(.schemas), .ok, "http://h/v0")
        expect(judged(.other(status: 404), .schemas), .ok, "http://h/v1")
        expect(judged(.keyWanted(status: 401), .keyWanted(status: 401)), .ok, "401")
        expect(judged(.other(status: 404), .other(status: 200)), .failure, "no Rancher API", "http://h/v1: status 200")
        expect(judged(.other(status: 503)), .failure, "in front of the server")
        expect(judged(.other(status: 500)), .failure, "status 500")
        expect(judged(.other(status: 407)), .failure, "proxy")
        expect(judged(.trouble(.silent("no answer"))), .failure, "does not answer")
        expect(judged(.trouble(.unreachable("reset"))), .failure, "reset")
    }

    @Test("clocks")
    func clocks() {
        expect(ClockObservation.unknown.finding(), .ok)
        expect(ClockObservation.ahead(.seconds(4)).finding(), .ok)
        expect(ClockObservation.ahead(.seconds(60)).finding(), .warning, "60 s ahead", "NTP")
        expect(ClockObservation.ahead(.seconds(-3600)).finding(), .failure, "3600 s behind")
    }

    @Test("keys and schemas")
    func keys() {
        expect(CredentialsObservation.accepted(accessKey: "AK").finding(), .ok, "AK")
        expect(CredentialsObservation.failed(.refused(status: 401, reason: "")).finding(), .failure, "does not know")
        expect(CredentialsObservation.failed(.refused(status: 403, reason: "")).finding(), .failure, "deactivated")
        expect(CredentialsObservation.failed(.silent("none")).finding(), .failure, "does not answer")
        expect(SchemasObservation(present: ["subscribe", "publish"], dialect: "a").finding(), .ok, "dialect a")
        expect(SchemasObservation(present: ["publish"], dialect: nil).finding(), .failure, "this key subscribe.")
    }

    @Test("websockets: whoever swallows the upgrade is named, with what it says of itself")
    func webSockets() {
        let nginx = WebSocketObservation.Sender(server: "nginx/1.2", via: nil)
        expect(WebSocketObservation.open(took: .milliseconds(9)).finding(), .ok)
        expect(
            WebSocketObservation.stripped(missing: ["Upgrade"], from: nginx).finding(), .failure, "strips",
            "Server: nginx/1.2", "proxy_set_header Upgrade")
        for status in [200, 400, 405, 426, 501] {
            expect(
                WebSocketObservation.answered(status: status, reason: "R", from: nginx).finding(), .failure,
                "swallows the websocket upgrade", "\(status) R", "nginx")
        }
        expect(WebSocketObservation.answered(status: 401, reason: "R", from: nginx).finding(), .failure, "key")
        expect(WebSocketObservation.answered(status: 403, reason: "R", from: nginx).finding(), .failure, "key")
        expect(WebSocketObservation.answered(status: 404, reason: "R", from: nginx).finding(), .failure, "path")
        expect(WebSocketObservation.answered(status: 502, reason: "R", from: nginx).finding(), .failure, "no way")
        expect(WebSocketObservation.answered(status: 500, reason: "R", from: nginx).finding(), .failure, "500 R")
        let trouble = ProxyTrouble(
            proxy: "http://p:1", variable: "https_proxy", host: "h", port: 443, reason: .refused(status: 403, "403"))
        expect(
            WebSocketObservation.proxy(trouble).finding(), .failure, "CONNECT", "through the proxy for the websocket")
        expect(WebSocketObservation.closed.finding(), .failure, "Upgrade")
        expect(WebSocketObservation.silent(.seconds(10)).finding(), .failure, "within 10 s")
        expect(WebSocketObservation.failed("odd").finding(), .failure, "odd")
        expect(PingObservation.pong(.milliseconds(5)).finding(), .ok, "5 ms")
        expect(PingObservation.pong(.seconds(3)).finding(), .warning, "3 s")
        expect(PingObservation.silent(.seconds(5)).finding(), .failure, "within 5 s")
        expect(PingObservation.closed.finding(), .failure)
    }

    @Test("the head of an answer")
    func heads() {
        let good =
            "HTTP/1.1 101 Switching\r\nupgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: x"
        #expect(AnswerHead(good)?.missingForWebSocket == [])
        #expect(AnswerHead("HTTP/1.1 101")?.missingForWebSocket == ["Upgrade", "Connection", "Sec-WebSocket-Accept"])
        #expect(
            AnswerHead("HTTP/1.0 200 OK\r\nVia: 1.1 squid\r\nnonsense")?.sender == .init(server: nil, via: "1.1 squid"))
        for text in ["", "SSH-2.0", "HTTP/1.1", "HTTP/1.1 abc"] { #expect(AnswerHead(text) == nil) }
    }

    @Test("engines")
    func engines() {
        func socket(_ observation: EngineSocketObservation) -> Diagnosis { observation.finding(endpoint: "unix:///s") }
        expect(socket(.connected), .ok)
        expect(socket(.notUnix), .ok)
        for (observation, word) in [
            (EngineSocketObservation.missing, "no Docker socket"), (.noSocket, "is no socket"),
            (.notPermitted, "group docker"), (.nobodyListens, "Nobody listens"), (.silent(.seconds(2)), "within 2 s"),
            (.failed("odd"), "odd"), (.misconfigured("bad"), "DOCKER_HOST"),
        ] { expect(socket(observation), .failure, word) }
        func engine(_ observation: EngineObservation) -> Diagnosis { observation.finding(endpoint: "unix:///s") }
        expect(engine(.version(engine: "20.10", api: "1.41", took: .milliseconds(2))), .ok, "20.10", "1.41")
        expect(engine(.version(engine: "20.10", api: "1.41", took: .seconds(3))), .warning, "3 s")
        expect(engine(.tooOld(engine: "1.11", api: "1.23")), .failure, "too old", "1.23", "at least 1.24")
        expect(engine(.silent(.seconds(5))), .failure, "hangs")
        expect(engine(.unreachable("refused")), .failure, "refused")
        expect(engine(.strange("html")), .failure, "no Docker Engine")
    }

    @Test("disks")
    func disks() {
        func judged(_ observation: DiskObservation) -> Diagnosis { observation.finding(directory: "/d") }
        func usage(_ free: Int, files: Int? = nil, isReadOnly: Bool = false) -> Diagnosis {
            judged(.usage(total: 100 << 30, free: free, freeFiles: files, isReadOnly: isReadOnly))
        }
        expect(usage(50 << 30), .ok, "50 GiB of 100 GiB")
        expect(usage(50 << 30, files: 100), .ok)
        expect(usage(100 << 20), .warning, "100 MiB")
        expect(usage((8 << 20) - 1), .failure, "The disk is full", "8191 KiB")
        expect(usage(0), .failure, "0 bytes")
        expect(usage(50 << 30, files: 3), .failure, "inodes")
        expect(usage(50 << 30, isReadOnly: true), .failure, "read-only")
        expect(judged(.missing), .failure, "/d")
        expect(judged(.failed("no")), .failure)
        expect(judged(.silent(.seconds(3))), .failure, "within 3 s")
    }

    @Test("plug-ins, networks and the database")
    func others() {
        func plugins(_ outcomes: StoragePluginObservation.Outcome...) -> Diagnosis {
            StoragePluginObservation(
                directory: "/p",
                sockets: outcomes.enumerated().map { .init(driver: "d\($0.offset)", outcome: $0.element) }
            ).finding()
        }
        expect(plugins(), .ok, "no storage plug-in")
        expect(plugins(.connected), .ok, "d0 connects")
        expect(plugins(.connected, .refused, .silent(.seconds(2))), .failure, "nobody listens on d1", "anew")
        expect(StoragePluginObservation(directory: "/p", sockets: [], fault: "no").finding(), .failure, "/p")
        expect(NetworkObservation.missing(["/a", "/b"]).finding(), .ok, "/a and no /b")
        expect(NetworkObservation.containers(1, directory: "/a").finding(), .ok, "1 container.")
        expect(NetworkObservation.failed("no", directory: "/a").finding(), .failure)
        expect(NetworkObservation.silent(.seconds(3)).finding(), .failure)
        func store(_ observation: StoreObservation) -> Diagnosis { observation.finding(path: "/db") }
        var contents = StoreObservation.Contents()
        expect(store(.read(contents)), .ok, "is sound")
        contents.quarantined = 2
        expect(store(.read(contents)), .warning, "2 in quarantine")
        expect(store(.missing("/db")), .warning)
        expect(store(.damaged("odd.")), .failure, "moves a damaged database aside")
        func failed(_ kind: StoreError.Kind?) -> Diagnosis {
            // Words in the path say nothing.
            let path = "/srv/state-damaged/agent.db"
            return StoreObservation(InspectionError("\(path) is not read.", kind: kind), path: path).finding(path: path)
        }
        expect(failed(.unreadable), .failure, "is damaged", "moves a damaged database aside")
        for (kind, verdict, word) in [
            (StoreError.Kind.notPermitted, Verdict.failure, "as root"), (.busy, .warning, "holds it"),
            (.otherSchema(version: 0), .warning, "Start the agent"),
            (.otherSchema(version: 99), .failure, "doctor of the"),
            (.missing, .warning, "Start the agent"), (.full, .failure, "disk"), (.other(code: 1), .failure, "disk"),
        ] {
            expect(failed(kind), verdict, word)
            #expect(!failed(kind).text.contains("is damaged") && !failed(kind).advice.contains("aside"))
            #expect(failed(kind).advice.contains("root") == (kind == .notPermitted))
        }
        expect(failed(nil), .failure)
        expect(store(.silent(.seconds(10))), .warning)
        expect(SettingsObservation.usable(server: "http://h", warnings: []).finding(), .ok)
        expect(SettingsObservation.usable(server: "http://h", warnings: ["x is ignored"]).finding(), .warning, "x is")
        expect(SettingsObservation.unusable("None is given.").finding(), .failure, "--url")
        expect(SettingsObservation.badAuthorities("no").finding(), .failure, "CATTLE_CA_FILE")
    }

    @Test("the last event")
    func lastEvent() {
        var contents = StoreObservation.Contents()
        func judged() -> Diagnosis? { StoreObservation.read(contents).lastEventFinding(now: Self.now) }
        #expect(judged()?.verdict == .ok)
        contents.lastEvent = Self.now - .seconds(7200)
        #expect(judged()?.text.contains("2 h ago") == true)
        contents.oldestOpenEvent = Self.now - .seconds(800)
        #expect(judged()?.verdict == .ok)
        contents.oldestOpenEvent = Self.now - .seconds(1000)
        #expect(judged()?.verdict == .warning)
        #expect(StoreObservation.missing("/db").lastEventFinding(now: Self.now) == nil)
    }

    @Test("dates in headers")
    func dates() {
        #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT")?.iso8601 == "1994-11-06T08:49:37.000Z")
        #expect(HTTPDate.parse("Thu, 29 Feb 2024 23:59:59 GMT")?.iso8601 == "2024-02-29T23:59:59.000Z")
        #expect(HTTPDate.parse("Thu, 01 Jan 1970 00:00:00 GMT")?.milliseconds == 0)
        for text in ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nux 1994 08:49:37 GMT"] {
            #expect(HTTPDate.parse(text) == nil)
        }
    }

    @Test("a report fits the terminal, with colours only where they are wanted")
    func layout() {
        let report = StepReport(
            step: .tls, place: "h",
            finding: Diagnosis(
                verdict: .failure, text: "The certificate is not trusted, for many reasons that fill a line.",
                advice: "Do something about it."),
            took: .zero)
        let narrow = report.text(style: ReportStyle(width: 50)).split(separator: "\n")
        #expect(narrow.allSatisfy { $0.count <= 50 } && narrow.count >= 3)
        #expect(narrow[0].hasPrefix("failure  TLS"))
        #expect(narrow.contains { $0.contains("-> Do") })
        #expect(report.text(style: ReportStyle(isColoured: true)).contains("\u{1B}[31mfailure"))
        #expect(!report.text(style: ReportStyle()).contains("\u{1B}"))
        let hostile = StepReport(
            step: .api, place: nil, finding: .failure("Body: \u{1B}[2J\nfake line.", "x"), took: .zero)
        #expect(hostile.text(style: ReportStyle()).split(separator: "\n").count == 2)
        #expect(!hostile.text(style: ReportStyle()).contains("\u{1B}"))
    }
}
