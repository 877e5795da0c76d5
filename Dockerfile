# The Claimhouse image: Airflow without the providers of the official image, and the runtime
# dependencies of Claimhouse at the versions of requirements.txt, which the tests ran with.
# requirements.txt is only a constraint: development packages are not installed.
FROM apache/airflow:slim-3.3.2-python3.11

USER root
RUN mkdir -p /opt/claimhouse/extracts && chown -R airflow:0 /opt/claimhouse && chmod -R g+rwX /opt/claimhouse
USER airflow

COPY --chown=airflow:0 requirements.txt pyproject.toml README.md LICENSE /opt/claimhouse/
COPY --chown=airflow:0 plugins /opt/claimhouse/plugins
RUN pip install --no-cache-dir -c /opt/claimhouse/requirements.txt --editable /opt/claimhouse
RUN python -m claimhouse.web.bundle

COPY --chown=airflow:0 docker/init.sh /opt/claimhouse/docker/init.sh
COPY --chown=airflow:0 dags /opt/claimhouse/dags
COPY --chown=airflow:0 include /opt/claimhouse/include

ENV CLAIMHOUSE_HOME=/opt/claimhouse \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/claimhouse/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/claimhouse/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False
