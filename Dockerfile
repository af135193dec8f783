# The ordinary way to build the image. Without a registry at hand: make image.
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends binutils ca-certificates libsqlite3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN swift build -c release --static-swift-stdlib --product rancher-agent \
    && .ci/image -b .build/release/rancher-agent -o /root.tar \
    && mkdir /image && tar -C /image -xf /root.tar

FROM scratch
COPY --from=build /image /
ENV PATH=/usr/bin
LABEL io.rancher.container.system=rancher-agent
ENTRYPOINT ["/usr/bin/rancher-agent", "container"]
