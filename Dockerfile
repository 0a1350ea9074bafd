# Two targets: `docker build .` for the CPU, `docker build --target cuda .` for NVIDIA GPUs.
# See docs/decisions/2026-11-28-container.md for what was and was not tried.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN ONNXRUNTIME_NODE_INSTALL=skip npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim AS cpu
WORKDIR /app
ENV NODE_ENV=production FRESCO_DATA_DIR=/data FRESCO_HOST=0.0.0.0
COPY --from=build --chown=node:node /app/package.json ./
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
COPY --from=build --chown=node:node /app/bin ./bin
COPY --from=build --chown=node:node /app/config ./config
COPY --from=build --chown=node:node /app/models ./models
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 7860
# FRESCO_PASSWORD must be given: the page refuses to be reachable without one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.FRESCO_PORT||7860)+'/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/cli.js", "start"]

FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04 AS cuda
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
ENV NODE_ENV=production FRESCO_DATA_DIR=/data FRESCO_HOST=0.0.0.0
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/bin ./bin
COPY --from=build /app/config ./config
COPY --from=build /app/models ./models
RUN node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12 \
  && useradd --create-home fresco && mkdir /data && chown fresco:fresco /data
USER fresco
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=40s CMD ["node", "-e", "fetch('http://127.0.0.1:'+(process.env.FRESCO_PORT||7860)+'/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/cli.js", "start"]

FROM cpu
